import type { Account } from "@posthouse/accounts";
import type { AccountMail } from "@posthouse/mailbox-store";
import { Command } from "commander";
import { administer } from "../administration.ts";
import { usageFailure } from "../command-failure.ts";
import { counted } from "../counted.ts";
import { withExamples } from "../examples.ts";
import { accountOf, withMailOf } from "../mail-of.ts";
import { print, printRows } from "../output.ts";
import { type SourceOptions, withJsonOption, withSourceOptions } from "../source-options.ts";

interface ShareOptions extends SourceOptions {
  readonly list?: boolean;
  readonly remove?: boolean;
  readonly rebuild?: boolean;
  readonly json?: boolean;
}

/** Names for what most people want to give; `letters` are those of RFC 4314 §2.1. */
const roles: ReadonlyMap<string, string> = new Map([
  ["read", "lrs"],
  ["write", "lrswite"],
  ["all", "lrswipkxtea"],
]);

const anyone = "anyone";

/** `posthouse mailbox share`: what SETACL does, for the administrator. */
export function shareCommand(): Command {
  const share = new Command("share")
    .description("let others into a mailbox, or show who is let in")
    .argument("[address]", "whose mailbox it is")
    .argument("[mailbox]", "its name, with / between levels")
    .argument("[identifier]", 'an account, or "anyone"')
    .argument("[rights]", "read, write, all, or letters of RFC 4314")
    .option("--list", "show who is let in, in one mailbox or in all")
    .option("--remove", "let the identifier in no longer")
    .option("--rebuild", "note in all accounts anew who shares with them");
  return withExamples(withJsonOption(withSourceOptions(share)).action(run), [
    "mailbox share ann@example.org Team bob@example.org read",
    "mailbox share ann@example.org --list",
    "mailbox share ann@example.org Team bob@example.org --remove",
  ]);
}

async function run(
  address: string | undefined,
  mailbox: string | undefined,
  identifier: string | undefined,
  rights: string | undefined,
  options: ShareOptions,
): Promise<void> {
  if (options.rebuild === true) return rebuild(options);
  if (address === undefined) throw usageFailure("Whose mailbox? Give an address");
  const owner = await accountOf(options, address);
  if (options.list === true) return list(options, owner, mailbox);
  if (mailbox === undefined || identifier === undefined) {
    throw usageFailure("Give a mailbox and whom to share it with, or --list");
  }
  const letters = options.remove === true ? "" : lettersOf(rights);
  const reader = identifier === anyone ? undefined : await accountOf(options, identifier);
  const change = { mode: "replace", rights: letters } as const;
  const isLeft = await withMailOf(options, owner, async (mail) => {
    await mail.setRights(mailbox, reader?.address ?? anyone, change);
    return reader !== undefined && (await sharesWith(mail, reader.address));
  });
  if (reader !== undefined) await note(options, owner, reader, isLeft);
  print(
    letters === ""
      ? `"${mailbox}" of ${owner.address} is no longer shared with ${identifier}`
      : `"${mailbox}" of ${owner.address} is shared with ${identifier} (${letters})`,
  );
}

function lettersOf(rights: string | undefined): string {
  if (rights === undefined) throw usageFailure("Which rights? read, write, all, or letters");
  const letters = roles.get(rights) ?? rights;
  if (/^[lrswipkxtea]+$/.test(letters)) return letters;
  throw usageFailure(`"${rights}" is neither read, write, all nor letters of lrswipkxtea`);
}

/** The mailbox appears to its reader from then on. */
async function note(
  options: SourceOptions,
  owner: Account,
  reader: Account,
  isSharing: boolean,
): Promise<void> {
  await withMailOf(options, reader, (mail) => mail.setSharer(owner.address, isSharing));
}

async function sharesWith(mail: AccountMail, address: string): Promise<boolean> {
  const shares = await sharesOf(mail);
  return shares.some(({ identifier }) => identifier === address);
}

interface Share {
  readonly mailbox: string;
  readonly identifier: string;
  readonly rights: string;
}

async function sharesOf(mail: AccountMail, only?: string): Promise<readonly Share[]> {
  const shares: Share[] = [];
  for (const { name, exists } of await mail.listMailboxes()) {
    if (!exists || (only !== undefined && name !== only)) continue;
    for (const row of await mail.rights(name)) shares.push({ mailbox: name, ...row });
  }
  return shares;
}

async function list(
  options: ShareOptions,
  owner: Account,
  mailbox: string | undefined,
): Promise<void> {
  printRows(await withMailOf(options, owner, (mail) => sharesOf(mail, mailbox)), {
    ...options,
    columns: { mailbox: "Mailbox", identifier: "Who", rights: "Rights" },
    whenEmpty: `${owner.address} shares nothing`,
  });
}

/** From the rights themselves, which are the truth: also after an account came back from a backup. */
async function rebuild(options: ShareOptions): Promise<void> {
  const accounts = await administer(options, (admin) => admin.listAccounts());
  const byAddress = new Map(accounts.map((account) => [account.address, account]));
  const sharers = new Map<string, Set<string>>(accounts.map(({ address }) => [address, new Set()]));
  for (const owner of accounts) {
    const shares = await withMailOf(options, owner, (mail) => sharesOf(mail));
    for (const { identifier } of shares) {
      if (identifier !== owner.address) sharers.get(identifier)?.add(owner.address);
    }
  }
  for (const [address, owners] of sharers) {
    const reader = byAddress.get(address);
    if (reader === undefined) continue;
    await withMailOf(options, reader, async (mail) => {
      const noted = new Set(await mail.sharers());
      for (const owner of owners.difference(noted)) await mail.setSharer(owner, true);
      for (const owner of noted.difference(owners)) await mail.setSharer(owner, false);
    });
  }
  print(`Looked into ${counted(accounts.length, "account")}`);
}
