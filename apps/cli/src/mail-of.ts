import { type Account, connectAuth } from "@posthouse/accounts";
import type { OwnAccountMail } from "@posthouse/mailbox-store";
import { administer } from "./administration.ts";
import { becomeOwnerOf } from "./become-owner.ts";
import { CommandFailure } from "./command-failure.ts";
import { configOf, type SourceOptions } from "./source-options.ts";

/** The account of an address or alias, or a failure that says there is none. */
export async function accountOf(options: SourceOptions, address: string): Promise<Account> {
  const account = await administer(options, async () => {
    await using auth = connectAuth({ socketPath: configOf(options).auth.socketPath });
    return await auth.findAccount(address);
  });
  if (account !== undefined) return account;
  throw new CommandFailure(`There is no account ${address}; "posthouse account list" shows all`);
}

/** Opens the mail of an account as the owner of the mail directory, for as long as `work` takes. */
export async function withMailOf<Result>(
  options: SourceOptions,
  account: Account,
  work: (mail: OwnAccountMail) => Promise<Result>,
): Promise<Result> {
  const config = configOf(options);
  becomeOwnerOf(config.paths.mail);
  const { openStoreOf } = await import("./mail-store.ts");
  await using store = await openStoreOf(config);
  await using mail = await store.openAccount(account);
  return await work(mail);
}
