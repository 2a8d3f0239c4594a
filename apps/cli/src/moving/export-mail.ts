import { chmodSync, existsSync, globSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Account, MailboxFormat } from "@posthouse/accounts";
import { accountPlaceOf, openMailStore } from "@posthouse/mailbox-store";
import type { Config } from "@posthouse/service";
import { becomeOwnerOf } from "../become-owner.ts";
import { CommandFailure } from "../command-failure.ts";
import { type CopyOptions, type CopyResult, copyMessages } from "../mail-copy.ts";
import { giveToOwnerOf, STAGED_ID } from "../mail-staging.ts";
import { openStoreOf } from "../mail-store.ts";

/** There while it is not done: it may then go on. */
const MARK = "posthouse-exporting";

/**
 * Copies mail of an account into a directory, as a Maildir++ or as mbox files that other programs read.
 * The account is only read. Says where the mail is.
 *
 * @throws CommandFailure, StoreError
 */
export async function exportMail(options: {
  readonly config: Config;
  readonly account: Account;
  readonly directory: string;
  readonly format: MailboxFormat;
  readonly copy: CopyOptions;
}): Promise<{ readonly path: string; readonly results: readonly CopyResult[] }> {
  const { config, account, directory, format, copy } = options;
  const mark = join(directory, MARK);
  if (existsSync(directory) && !existsSync(mark) && readdirSync(directory).length > 0) {
    throw new CommandFailure(`"${directory}" is not empty: name an empty directory, or a new one`);
  }
  mkdirSync(mark, { recursive: true });
  chmodSync(directory, 0o770);
  giveToOwnerOf(config.paths.mail, directory);
  becomeOwnerOf(config.paths.mail);
  const { domain, localPart } = accountPlaceOf(account.address);
  const path = join(directory, domain, localPart);
  const results = await copyOut();
  for (const name of globSync("{index,search}.sqlite*", { cwd: path })) rmSync(join(path, name));
  rmSync(mark, { recursive: true });
  return { path, results };

  async function copyOut(): Promise<readonly CopyResult[]> {
    await using store = await openStoreOf(config);
    await using from = await store.openAccount(account);
    await using target = await openMailStore({
      mailDirectory: directory,
      messageBytesMax: config.limits.messageBytesMax,
      host: config.hostname,
    });
    await using to = await target.openAccount({
      id: STAGED_ID,
      address: account.address,
      format,
    });
    return await copyMessages(from, to, copy);
  }
}
