import { Command } from "commander";
import { withExamples } from "../examples.ts";
import { type SourceOptions, withJsonOption, withSourceOptions } from "../source-options.ts";

export interface UndeleteOptions extends SourceOptions {
  readonly mailbox?: string;
  readonly since?: string;
  readonly all?: boolean;
  readonly into?: string;
  readonly json?: boolean;
}

/** `posthouse undelete`: what was expunged or deleted, back where it was. */
export const undeleteCommand = (): Command =>
  withExamples(
    withJsonOption(
      withSourceOptions(
        new Command("undelete")
          .description(
            "bring back messages that were expunged and mailboxes that were deleted; without ids or --all, list them",
          )
          .argument("<address>")
          .argument("[id...]", "as the list shows them")
          .option("--mailbox <name>", "only of this mailbox")
          .option("--since <day>", "only what went on that day or later: 2026-01-31")
          .option("--all", "all that the list shows")
          .option("--into <mailbox>", "into this mailbox, and not into the one it was in"),
      ),
    ).action(async (address: string, ids: readonly string[], options: UndeleteOptions) => {
      const { undelete } = await import("../undelete/undelete.ts");
      await undelete(address, ids, options);
    }),
    [
      "undelete ann@example.org --since 2026-01-31",
      "undelete ann@example.org 3fa92c1b 77d01e2a",
      "undelete ann@example.org --mailbox Projects --all",
      "undelete ann@example.org --all --into Found",
    ],
  );
