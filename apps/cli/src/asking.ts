import type { Command } from "commander";
import { confirm } from "./confirm.ts";

/** What was typed behind the command's name. */
export interface Typed {
  readonly args: readonly string[];
  /** By their long names; those of several values are not told. */
  readonly options: Readonly<Record<string, string | boolean | undefined>>;
}

/**
 * A command that takes away what cannot be had back by the opposite command, or brings much back at once:
 * it asks before anything else, and where nobody can be asked it needs --yes. `question` gives none when
 * what was typed does no harm, such as a dry run.
 */
export const asking = (command: Command, question: (typed: Typed) => string | undefined): Command =>
  command.option("--yes", "do not ask").hook("preAction", async (_, asked) => {
    const options: Typed["options"] = asked.opts();
    const text = question({ args: asked.args, options });
    if (text !== undefined) await confirm(text, { yes: options.yes === true });
  });
