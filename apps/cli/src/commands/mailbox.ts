import { Command } from "commander";
import { administer } from "../administration.ts";
import { withExamples } from "../examples.ts";
import { accountOf, withMailOf } from "../mail-of.ts";
import { print, printRows } from "../output.ts";
import { type SourceOptions, withJsonOption, withSourceOptions } from "../source-options.ts";
import { adoptCommand } from "./adopt.ts";

/** `posthouse mailbox`: what is stored. */
export function mailboxCommand(): Command {
  const mailbox = new Command("mailbox").description("what is stored");
  mailbox.addCommand(
    withExamples(
      withJsonOption(
        withSourceOptions(
          new Command("list").description("list the mailboxes of an account").argument("<address>"),
        ),
      ).action(list),
      ["mailbox list ann@example.org", "mailbox list ann@example.org --json"],
    ),
  );
  mailbox.addCommand(
    withExamples(
      withJsonOption(
        withSourceOptions(
          new Command("check")
            .description("compare the files of an account, or of all, with their index")
            .argument("[address]")
            .option("--repair", "put right what is found"),
        ),
      ).action(check),
      ["mailbox check", "mailbox check ann@example.org --repair"],
    ),
  );
  mailbox.addCommand(adoptCommand());
  return mailbox;
}

async function list(address: string, options: SourceOptions & { json?: boolean }): Promise<void> {
  const account = await accountOf(options, address);
  const rows = await withMailOf(options, account, async (mail) => {
    const rows = [];
    for (const info of await mail.listMailboxes()) {
      const status = info.exists ? await mail.status(info.name) : undefined;
      rows.push({
        name: info.name,
        messages: status?.messages,
        unseen: status?.unseen,
        bytes: status?.sizeBytes,
        specialUse: info.specialUse,
        isSubscribed: info.isSubscribed,
      });
    }
    return rows;
  });
  printRows(rows, {
    ...options,
    columns: {
      name: "Mailbox",
      messages: "Messages",
      unseen: "Unseen",
      bytes: "Bytes",
      specialUse: "Use",
    },
    whenEmpty: "There is no mailbox",
  });
}

interface CheckOptions extends SourceOptions {
  readonly repair?: boolean;
  readonly json?: boolean;
}

async function check(address: string | undefined, options: CheckOptions): Promise<void> {
  // Whose mail it is is asked first: who has become the owner of the mail may not ask auth.
  const accounts =
    address === undefined
      ? await administer(options, (admin) => admin.listAccounts())
      : [await accountOf(options, address)];
  const findings: { account: string; finding: string }[] = [];
  for (const account of accounts) {
    const found = await withMailOf(options, account, (mail) =>
      mail.check({ repair: options.repair === true }),
    );
    for (const finding of found) findings.push({ account: account.address, finding });
  }
  const isRepaired = options.repair === true;
  printRows(findings, {
    ...options,
    columns: { account: "Account", finding: isRepaired ? "Put right" : "Finding" },
    whenEmpty: `Files and index agree in ${accounts.length === 1 ? accounts[0]?.address : `all ${accounts.length} accounts`}`,
  });
  if (findings.length > 0 && !isRepaired) {
    if (options.json !== true) print("\nNothing was changed; --repair puts it right");
    process.exitCode = 1;
  }
}
