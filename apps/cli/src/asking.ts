import type { AdminClient } from "@posthouse/accounts";
import type { Command } from "commander";
import { administer } from "./administration.ts";
import { confirm } from "./confirm.ts";
import type { SourceOptions } from "./source-options.ts";

/** What was typed behind the command's name. */
export interface Typed {
  readonly args: readonly string[];
  /** By their long names; those of several values are not told. */
  readonly options: Readonly<Record<string, string | number | boolean | undefined>>;
}

/**
 * A command that takes away what cannot be had back by the opposite command, or brings much back at once:
 * it asks before anything is changed, and where nobody can be asked it needs --yes. `question` gives none when
 * what was typed does no harm, such as a dry run, and fails for what cannot be meant. `look` fails for what is not
 * there: nobody is asked about that.
 */
export const asking = (
  command: Command,
  question: (typed: Typed) => string | undefined,
  look?: (typed: Typed) => Promise<unknown>,
): Command =>
  command.option("--yes", "do not ask").hook("preAction", async (_, asked) => {
    const options: Typed["options"] = asked.opts();
    const typed = { args: asked.args, options };
    const text = question(typed);
    if (text === undefined || options.yes === true) return;
    await look?.(typed);
    await confirm(text);
  });

/** A look at the directory, for the first argument. */
const look =
  (at: (admin: AdminClient, name: string, typed: Typed) => Promise<unknown>) =>
  (typed: Typed): Promise<unknown> =>
    administer(typed.options as SourceOptions, (admin) => at(admin, typed.args[0] ?? "", typed));

/** These fail for a name that is not there, and are short where it is. */
export const lookForDomain = look((admin, name) => admin.listExceptions(name));
export const lookForDomainOf = look((admin, name) =>
  admin.listExceptions(name.slice(name.lastIndexOf("@") + 1)),
);
export const lookForAccount = look((admin, name) => admin.listSenderGrants(name));
export const lookForList = look((admin, name) => admin.findList(name));
