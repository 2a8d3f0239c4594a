import { resolve } from "node:path";
import type { Account, MailboxFormat } from "@posthouse/accounts";
import { Command, Option } from "commander";
import { CommandFailure, usageFailure } from "../command-failure.ts";
import { withExamples } from "../examples.ts";
import type { CopyOptions, CopyResult } from "../mail-copy.ts";
import { accountOf } from "../mail-of.ts";
import { isImapSource } from "../moving/is-imap-source.ts";
import { harmless, print, printRows } from "../output.ts";
import { readOldPassword } from "../password-input.ts";
import { showProgress } from "../progress.ts";
import { configOf, type SourceOptions, withSourceOptions } from "../source-options.ts";

interface CopyArguments extends SourceOptions {
  readonly mailbox?: string;
  readonly since?: string;
  readonly before?: string;
}

interface ExportOptions extends CopyArguments {
  readonly format: MailboxFormat;
}

interface ImportOptions extends CopyArguments {
  readonly into?: string;
  readonly dryRun?: boolean;
  readonly takeout?: boolean;
}

/** `posthouse account export`: mail for another program, or for its owner to take along. */
export const exportCommand = (): Command =>
  withExamples(
    withCopyOptions(
      new Command("export")
        .description("copy an account's mail into a directory, as a Maildir or as mbox files")
        .argument("<address>")
        .argument("<directory>", "an empty one, or a new one")
        .addOption(
          new Option("--format <format>", "what it becomes")
            .choices(["maildir", "mbox"] satisfies MailboxFormat[])
            .default("maildir"),
        ),
    ).action(async (address: string, directory: string, options: ExportOptions) => {
      const copy = copyOptionsOf(options);
      const account = await accountOf(options, address);
      const { exportMail } = await import("../moving/export-mail.ts");
      const { path, results } = await exportMail({
        config: configOf(options),
        account,
        directory: resolve(directory),
        format: options.format,
        copy,
      });
      tell(results, "Exported");
      print(`\nIt is in ${path}`);
    }),
    [
      "account export ann@example.org /tmp/ann",
      "account export ann@example.org /tmp/ann --format mbox --mailbox Archive --before 2026-01-01",
    ],
  );

/** `posthouse account import`: mail from elsewhere, beside what is there. */
export const importCommand = (): Command =>
  withExamples(
    withCopyOptions(
      new Command("import")
        .description(
          "copy mail from another IMAP server, a Maildir or mbox files into an account; what it has already is passed over",
        )
        .argument("<address>")
        .argument(
          "<source>",
          "imaps://user@host (the password is asked for), a Maildir, a directory of mbox files, or one mbox file",
        )
        .option("--takeout", "one mbox file of Google Takeout: mailboxes by its labels")
        .option("--into <mailbox>", "below this mailbox; of one mbox file, this mailbox itself")
        .option("--dry-run", "say what would be imported; change nothing"),
    ).action(async (address: string, source: string, options: ImportOptions) => {
      const copy = importOptionsOf(options);
      const into = await accountOf(options, address);
      if (isImapSource(source)) return await importByImap(source, into, copy, options);
      const { importMail } = await import("../moving/import-mail.ts");
      const { results, remarks } = await importMail({
        config: configOf(options),
        source: resolve(source),
        into,
        copy,
        ...(options.takeout === true && { isTakeout: true }),
      });
      for (const remark of remarks) print(`- ${harmless(remark)}`);
      tellImported(results, source, options);
    }),
    [
      "account import ann@example.org /home/ann/Maildir --dry-run",
      "account import ann@example.org old.mbox --into Old",
      "account import ann@example.org imaps://ann%40old.example.net@imap.old.example.net",
      "account import ann@example.org 'All mail Including Spam and Trash.mbox' --takeout",
    ],
  );

/** Again goes on, and brings what is new. */
async function importByImap(
  text: string,
  into: Account,
  copy: CopyOptions,
  options: ImportOptions,
): Promise<void> {
  const { parseImapSource } = await import("../moving/imap-source.ts");
  const { importFromImap } = await import("../moving/import-imap.ts");
  const source = parseImapSource(text);
  const password = await readOldPassword(`Password of ${source.user} at ${source.host}`);
  const results = await importFromImap({
    config: configOf(options),
    source,
    password,
    into,
    copy,
    onProgress: showProgress("messages"),
    remark: (remark) => print(`- ${harmless(remark)}`),
  });
  tellImported(results, source.host, options);
}

/** Whoever names a source means that there is mail in it. */
function tellImported(
  results: readonly CopyResult[],
  source: string,
  { dryRun, mailbox, since, before }: ImportOptions,
): void {
  if (results.length === 0) {
    const isPart = [mailbox, since, before].some((option) => option !== undefined);
    throw new CommandFailure(`There is no ${isPart ? "such " : ""}mail in ${harmless(source)}`);
  }
  tell(results, dryRun === true ? "Would be imported" : "Imported");
}

function importOptionsOf(options: ImportOptions): CopyOptions {
  const { into: below } = options;
  return {
    ...copyOptionsOf(options),
    isDry: options.dryRun === true,
    ...(below !== undefined && {
      nameIn: (name) => (name === "INBOX" ? below : `${below}/${name}`),
    }),
  };
}

const withCopyOptions = (command: Command): Command =>
  withSourceOptions(
    command
      .option("--mailbox <name>", "only this mailbox and those below it")
      .option("--since <day>", "only what came on that day or later: 2026-01-31")
      .option("--before <day>", "only what came before that day"),
  );

function copyOptionsOf({ mailbox, since, before }: CopyArguments): CopyOptions {
  const progress = showProgress("messages");
  return {
    onProgress: (copied) => progress(copied),
    ...(mailbox !== undefined && { mailbox }),
    ...(since !== undefined && { sinceMs: dayMs(since) }),
    ...(before !== undefined && { beforeMs: dayMs(before) }),
  };
}

/** Midnight UTC. */
function dayMs(text: string): number {
  const ms = /^\d{4}-\d\d-\d\d$/.test(text) ? Date.parse(text) : Number.NaN;
  if (!Number.isNaN(ms)) return ms;
  throw usageFailure(`"${text}" is not a day such as 2026-01-31`);
}

const tell = (results: readonly CopyResult[], heading: string): void =>
  printRows(results, {
    columns: { mailbox: "Mailbox", copied: heading, there: "Was there" },
    whenEmpty: "There is no such mail",
  });
