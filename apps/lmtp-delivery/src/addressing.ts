import { type Account, type AuthClient, AuthUnavailable } from "@posthouse/accounts";
import type { Reply } from "@posthouse/smtp";
import { replies } from "./replies.ts";

/** Looks up the accounts that a recipient is. */
export type FindAccounts = (address: string) => Promise<readonly Account[] | Reply>;

/** For our own programs, which have resolved aliases already: exactly this account. */
export const findExactly =
  (auth: AuthClient): FindAccounts =>
  (address) =>
    orUnavailable(async () => {
      const account = await auth.findAccount(address);
      return account === undefined ? replies.unknownUser : [account];
    });

/** For foreign MTAs: aliases, subaddresses and catch-alls are resolved here. */
export const findResolved =
  (auth: AuthClient): FindAccounts =>
  (address) =>
    orUnavailable(async () => {
      const resolution = await auth.resolveRecipient(address);
      if (resolution.kind !== "found") return replies.unknownUser;
      // LMTP is for final delivery; to keep mail for another host is what it has no queue for (RFC 2033 §5).
      if (resolution.targets.some(({ isLocal }) => !isLocal)) return replies.goesElsewhere;
      const accounts = await Promise.all(
        resolution.targets.map((target) => auth.findAccount(target.address)),
      );
      const found = accounts.filter((account) => account !== undefined);
      return found.length === accounts.length ? found : replies.directoryUnavailable;
    });

async function orUnavailable<T>(ask: () => Promise<T>): Promise<T | Reply> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof AuthUnavailable) return replies.directoryUnavailable;
    throw error;
  }
}
