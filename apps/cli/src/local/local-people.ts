import type { AdminClient } from "@posthouse/accounts";
import { localAccounts, localDomain, localPassword } from "./local-config.ts";

/** Who has an account on a server for trying. */
export interface LocalPeople {
  readonly addresses: readonly string[];
  /** They were made just now, so their password is the well-known one. */
  readonly areNew: boolean;
}

/**
 * Makes the two people where there is nobody yet. What has an account, or another domain, is the user's: who
 * was renamed or removed there is not made again.
 */
export async function localPeople(admin: AdminClient): Promise<LocalPeople> {
  const areNew = await isUntouched(admin);
  if (areNew) await makePeople(admin);
  const accounts = await admin.listAccounts();
  return { addresses: accounts.map(({ address }) => address), areNew };
}

/** Also one whose first start was cut off behind its domain. */
async function isUntouched(admin: AdminClient): Promise<boolean> {
  const domains = await admin.listDomains();
  if (domains.some(({ domain }) => domain !== localDomain)) return false;
  const accounts = await admin.listAccounts();
  const removed = await admin.listRemoved();
  return accounts.length === 0 && removed.length === 0;
}

async function makePeople(admin: AdminClient): Promise<void> {
  const domains = await admin.listDomains();
  if (domains.length === 0) await admin.addDomain(localDomain);
  for (const address of localAccounts) await admin.addAccount({ address, password: localPassword });
}
