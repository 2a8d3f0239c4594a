import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { AccountState } from "./account-state.ts";
import { limits } from "./limits.ts";
import { errnoOf } from "./maildir/durable-file.ts";
import { popUidsIn } from "./maildir/uid-list.ts";
import type { SharedMailbox } from "./shared-mailbox.ts";
import { StoreError } from "./store-error.ts";
import type { PopNames } from "./types.ts";
import { uidListName } from "./writer/uid-list-file.ts";

/** Unique-ids that another POP3 server wrote down, and the keys of files where they are asked for. */
export async function readPopNames(
  account: AccountState,
  { state: { id, folder, uidValidity } }: SharedMailbox,
  { withKeys }: { readonly withKeys: boolean },
): Promise<PopNames> {
  const list = await readUidList(join(account.folderPath(folder), uidListName));
  return {
    given: list === undefined ? new Map() : popUidsIn(list, uidValidity),
    keys: withKeys ? await readKeys(account, id) : new Map(),
  };
}

async function readUidList(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path);
  } catch (error) {
    // An mbox has none, and a lost one is made again.
    if (errnoOf(error) === "ENOENT") return undefined;
    throw new StoreError("unavailable", `Cannot read "${path}": ${(error as Error).message}`, {
      cause: error,
    });
  }
}

async function readKeys(account: AccountState, mailbox: number): Promise<Map<number, string>> {
  const keys = new Map<number, string>();
  for (let uid = 0; ; ) {
    const rows = await account.read((queries) =>
      queries.keysAbove.all(mailbox, uid, limits.rowsPerSlice),
    );
    for (const [of, key] of rows) keys.set(of, key);
    if (rows.length < limits.rowsPerSlice) return keys;
    uid = rows.at(-1)?.[0] ?? uid;
    await nextTurn();
  }
}
