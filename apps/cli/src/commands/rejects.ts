import { Command } from "commander";
import { CommandFailure, usageFailure } from "../command-failure.ts";
import { withExamples } from "../examples.ts";
import { accountOf, withMailOf } from "../mail-of.ts";
import { print, printRows } from "../output.ts";
import { type SourceOptions, withJsonOption, withSourceOptions } from "../source-options.ts";

/** `posthouse rejects`: mail that filters had put aside. */
export function rejectsCommand(): Command {
  const rejects = new Command("rejects").description("mail that filters had put aside");
  rejects.addCommand(
    withExamples(
      withJsonOption(
        withSourceOptions(
          new Command("list")
            .description("what is in the mailbox Rejects of an account, and why")
            .argument("<address>"),
        ),
      ).action(list),
      ["rejects list ann@example.org", "rejects list ann@example.org --json"],
    ),
  );
  rejects.addCommand(
    withExamples(
      withSourceOptions(
        new Command("release")
          .description("move mail from the Rejects of an account into its INBOX")
          .argument("<address>")
          .argument("[uid...]", 'as "rejects list" shows them')
          .option("--all", "all of it"),
      ).action(release),
      ["rejects release ann@example.org 12 13", "rejects release ann@example.org --all"],
    ),
  );
  return rejects;
}

async function list(address: string, options: SourceOptions & { json?: boolean }): Promise<void> {
  const account = await accountOf(options, address);
  const { listRejects } = await withRejects();
  const found = await withMailOf(options, account, listRejects);
  printRows(found, {
    ...options,
    columns: { uid: "UID", since: "Since", from: "From", subject: "Subject", because: "Because" },
    whenEmpty: `Nothing was put aside for ${account.address}`,
  });
}

async function release(
  address: string,
  uids: readonly string[],
  options: SourceOptions & { all?: boolean },
): Promise<void> {
  if ((options.all === true) === uids.length > 0) {
    throw usageFailure("Name the UIDs that are to be released, or --all for all of them");
  }
  const wrong = uids.find((uid) => !/^[1-9]\d{0,9}$/.test(uid));
  if (wrong !== undefined) throw usageFailure(`"${wrong}" is no UID: write it as 12`);
  const account = await accountOf(options, address);
  const which = options.all === true ? "all" : uids.map(Number);
  const { releaseRejects } = await withRejects();
  const released = await withMailOf(options, account, (mail) => releaseRejects(mail, which));
  const missing = which === "all" ? [] : which.filter((uid) => !released.includes(uid));
  if (missing.length > 0) {
    const rest = released.length === 0 ? "" : `; released ${released.join(", ")}`;
    throw new CommandFailure(
      `${account.address} has no message ${missing.join(", ")} that was put aside${rest}`,
    );
  }
  print(`Released ${released.length} into the INBOX of ${account.address}`);
}

/** Only these commands wait for the store to be loaded. */
const withRejects = () => import("../rejects.ts");
