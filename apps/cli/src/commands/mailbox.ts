import type { Account } from "@posthouse/accounts";
import { Command } from "commander";
import { administer } from "../administration.ts";
import { withExamples } from "../examples.ts";
import { accountOf, withMailOf } from "../mail-of.ts";
import { print, printRows } from "../output.ts";
import { type SourceOptions, withJsonOption, withSourceOptions } from "../source-options.ts";
import { adoptCommand } from "./adopt.ts";
import { mailWorkCommand } from "./mail-work.ts";
import { shareCommand } from "./share.ts";

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
  mailbox.addCommand(
    withExamples(
      withSourceOptions(
        new Command("search-index")
          .description("take all messages of an account into its search text now")
          .argument("<address>"),
      ).action(fillSearch),
      ["mailbox search-index ann@example.org"],
    ),
  );
  mailbox.addCommand(adoptCommand());
  mailbox.addCommand(shareCommand());
  mailbox.addCommand(mailWorkCommand(), { hidden: true });
  return mailbox;
}

async function fillSearch(address: string, options: SourceOptions): Promise<void> {
  const account = await accountOf(options, address);
  await withMailOf(options, account, (mail) => mail.fillSearchText());
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
  const isRepaired = options.repair === true;
  const found: Finding[] = [];
  const left: Finding[] = [];
  for (const account of accounts) {
    found.push(...(await findingsOf(options, account, isRepaired)));
    // What cannot be put right is told as such: a file of another owner, a disk that is full.
    if (isRepaired) left.push(...(await findingsOf(options, account, false)));
  }
  const whose = accounts.length === 1 ? accounts[0]?.address : `all ${accounts.length} accounts`;
  printRows(found, {
    ...options,
    columns: { account: "Account", finding: "Finding" },
    whenEmpty: `Files and index agree in ${whose}`,
  });
  if ((isRepaired ? left : found).length === 0) return;
  process.exitCode = 1;
  if (options.json === true) return;
  if (!isRepaired) print("\nNothing was changed; --repair puts it right");
  else {
    print("\nStill so after the repair:");
    printRows(left, { columns: { account: "Account", finding: "Finding" }, whenEmpty: "" });
  }
}

interface Finding {
  readonly account: string;
  readonly finding: string;
}

/** An account that cannot be opened keeps nobody from looking at the others. */
async function findingsOf(
  options: SourceOptions,
  account: Account,
  repair: boolean,
): Promise<readonly Finding[]> {
  const { address } = account;
  try {
    const found = await withMailOf(options, account, (mail) => mail.check({ repair }));
    return found.map((finding) => ({ account: address, finding }));
  } catch (error) {
    if (!(error instanceof Error && error.name === "StoreError")) throw error;
    return [{ account: address, finding: error.message }];
  }
}
