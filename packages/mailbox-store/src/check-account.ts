import { stat } from "node:fs/promises";
import { join } from "node:path";
import type { AccountState } from "./account-state.ts";
import { indexFileName } from "./index/index-file.ts";
import { scanMailbox } from "./shared-mailbox.ts";

const tables = [
  "mailboxes",
  "messages",
  "files",
  "details",
  "keywordSets",
  "keywords",
  "expunged",
  "annotations",
  "rights",
  "about",
  "deliveries",
  "intents",
  "packedColumns",
];

/** In the thread where nobody's deliveries wait but the account's own. */
const isLong = { isLong: true } as const;

/**
 * Compares files and index completely, and with `repair` puts right what differs. Each part is a
 * transaction of its own, and of messages as many as 50 ms allow: between any two, other work of the
 * account and of other accounts has its turn. What changes meanwhile is seen by later parts, or not.
 *
 * An index that turns out to be damaged is made anew at once, as for any other user; that is told too.
 */
export async function checkAccount(
  account: AccountState,
  options: { readonly repair: boolean },
): Promise<readonly string[]> {
  const findings = new Set<string>();
  const before = await identityOfIndex(account);
  await checkIndex(account, options.repair, findings);
  note(findings, await account.run("checkTree", options, isLong));
  const folders = await account.read((queries) =>
    queries.mailboxes.all().map(({ folder }) => folder),
  );
  for (const folder of folders) await checkMailbox(account, folder, options.repair, findings);
  const isAnew = (await identityOfIndex(account)) !== before;
  const isTold = [...findings].some((finding) => finding.startsWith("The index is damaged"));
  if (isAnew && !isTold) {
    findings.add("The index was damaged; it was set aside and made anew from the files");
  }
  return [...findings];
}

async function checkIndex(
  account: AccountState,
  repair: boolean,
  findings: Set<string>,
): Promise<void> {
  let damage: string | undefined;
  for (const table of tables) {
    const found = await account.run("checkIndex", { table }, isLong);
    damage ??= found[0];
    note(findings, found.slice(0, 3));
  }
  if (damage === undefined || !repair) return;
  const identity = await identityOfIndex(account);
  if (identity !== undefined) {
    await account.run("replaceIndex", { identity, reason: `a check found: ${damage}` });
  }
}

async function checkMailbox(
  account: AccountState,
  folder: string,
  repair: boolean,
  findings: Set<string>,
): Promise<void> {
  const args = { folder, repair };
  note(findings, await account.run("checkMailbox", args, isLong));
  note(findings, await account.run("checkListing", args, isLong));
  if (repair) {
    const state = await account.read((queries) => queries.mailboxByFolder.get(folder));
    if (state !== undefined) await scanMailbox(account, state);
  }
  for (let afterUid: number | undefined = 0; afterUid !== undefined; ) {
    const slice: { readonly findings: readonly string[]; readonly nextUid: number | undefined } =
      await account.run("checkMessages", { ...args, afterUid }, isLong);
    note(findings, slice.findings);
    afterUid = slice.nextUid;
  }
  // What was repaired above may have changed the sums.
  if (repair) await account.run("checkMailbox", args, isLong);
}

function note(findings: Set<string>, found: readonly string[]): void {
  for (const finding of found) findings.add(finding);
}

async function identityOfIndex(account: AccountState): Promise<string | undefined> {
  const found = await stat(join(account.path, indexFileName)).catch(() => undefined);
  return found === undefined ? undefined : `${found.dev}:${found.ino}`;
}
