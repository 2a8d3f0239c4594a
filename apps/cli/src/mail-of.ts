import { type Account, AuthUnavailable, connectAuth } from "@posthouse/accounts";
import type { OwnAccountMail } from "@posthouse/mailbox-store";
import type { Config } from "@posthouse/service";
import { administer } from "./administration.ts";
import { becomeOwnerOf } from "./become-owner.ts";
import { CommandFailure } from "./command-failure.ts";
import { configOf, type SourceOptions } from "./source-options.ts";

export const findAccount = (
  options: SourceOptions,
  address: string,
): Promise<Account | undefined> =>
  administer(options, async () => {
    await using auth = connectAuth({ socketPath: configOf(options).auth.socketPath });
    return await auth.findAccount(address);
  });

/** The account of an address, or a failure that says there is none. */
export async function accountOf(options: SourceOptions, address: string): Promise<Account> {
  const account = await findAccount(options, address);
  if (account !== undefined) return account;
  throw noAccount(address);
}

export const noAccount = (address: string): CommandFailure =>
  new CommandFailure(`There is no account ${address}; "posthouse account list" shows all`);

/**
 * Fails for an address that no mail comes to here. Where auth does not run, or this user may not ask it, nobody can say,
 * and it is taken for one of ours.
 */
export async function assertHasMail({ auth }: Config, address: string): Promise<void> {
  await using asked = connectAuth({ socketPath: auth.socketPath });
  try {
    const { kind } = await asked.resolveRecipient(address);
    if (kind === "found") return;
    const domain = address.slice(address.lastIndexOf("@") + 1);
    if (kind === "unknown-user") throw noAccount(address);
    throw new CommandFailure(
      `No mail for ${domain} is kept here; "posthouse domain list" shows the domains that are`,
    );
  } catch (error) {
    if (!(error instanceof AuthUnavailable)) throw error;
  }
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
