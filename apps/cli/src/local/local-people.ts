import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { AdminClient } from "@posthouse/accounts";
import { writeDurably } from "../durable-file.ts";
import { localAccounts, localDomain, localPassword } from "./local-config.ts";

/** Who has an account on a server for trying. */
export interface LocalPeople {
  readonly addresses: readonly string[];
  /** They were made just now, so their password is the well-known one. */
  readonly areNew: boolean;
}

/** In the data directory while the two are being made. */
const MAKING = "posthouse-local-making";

/**
 * Makes the two people where there is nobody yet. What has an account, or another domain, is the user's: who
 * was renamed or removed there is not made again.
 *
 *   state   mark   people   after a crash here
 *   P1      -      none     the next start begins
 *   P2      there  some     the next start makes who is missing
 *   P3      there  both     the next start removes the mark
 *   P4      -      both     they are the user's
 */
export async function localPeople(admin: AdminClient, dataDir: string): Promise<LocalPeople> {
  const mark = join(dataDir, MAKING);
  const areNew = existsSync(mark) || (await isUntouched(admin));
  if (areNew) {
    writeDurably(mark, "");
    await makePeople(admin);
    rmSync(mark);
  }
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
  const there = (await admin.listAccounts()).map(({ address }) => address);
  for (const address of localAccounts) {
    if (there.includes(address)) continue;
    await admin.addAccount({ address, password: localPassword });
  }
}
