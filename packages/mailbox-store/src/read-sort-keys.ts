import { setImmediate as nextTurn } from "node:timers/promises";
import type { AccountState } from "./account-state.ts";
import { detailsId } from "./index/schema.ts";
import { limits } from "./limits.ts";
import { openMessage } from "./read-messages.ts";
import type { SharedMailbox } from "./shared-mailbox.ts";
import { type SortKeysRow, sortKeysOf } from "./sort-keys.ts";
import { StoreError } from "./store-error.ts";
import type { SortKeyField, SortKeyRow, Uid } from "./types.ts";

/**
 * Some fields of the sort keys of many messages, in slices between which others have their turn. What
 * the index has not, of messages that other programs stored, is read from the files and kept there.
 */
export async function* readSortKeys<const Fields extends readonly SortKeyField[]>(
  account: AccountState,
  mailbox: SharedMailbox,
  uids: readonly Uid[],
  fields: Fields,
): AsyncGenerator<readonly SortKeyRow<Fields>[]> {
  const missing: Uid[] = [];
  for await (const slice of slicesOf(account, mailbox, uids, fields, missing)) {
    if (slice.length > 0) yield slice as unknown as readonly SortKeyRow<Fields>[];
    await nextTurn();
  }
  for (let at = 0; at < missing.length; at += limits.sortKeysPerSlice) {
    const some = missing.slice(at, at + limits.sortKeysPerSlice);
    const made = await makeMissing(account, mailbox, some);
    yield made.map(({ uid, ...keys }) => [
      uid,
      ...fields.map((field) => keys[field]),
    ]) as unknown as readonly SortKeyRow<Fields>[];
  }
}

type Row = readonly [uid: number, ...values: unknown[]];

/** UIDs without a row go to `missing`. A walk over all rows is cheaper than asking for every fourth. */
async function* slicesOf(
  account: AccountState,
  mailbox: SharedMailbox,
  uids: readonly Uid[],
  fields: readonly SortKeyField[],
  missing: Uid[],
): AsyncGenerator<readonly Row[]> {
  const { id } = mailbox.state;
  const isDense = uids.length * 4 > mailbox.columns.length;
  const last = uids.at(-1) ?? 0;
  let at = 0;
  for (let after = (uids[0] ?? 1) - 1; at < uids.length && after < last; ) {
    const wanted = uids.slice(at, at + limits.sortKeysPerSlice);
    const rows = await account.read((queries) => {
      const { range, one } = queries.sortKeys(fields);
      if (isDense) {
        return range.all(detailsId(id, after), detailsId(id, last), limits.sortKeysPerSlice);
      }
      return wanted.map((uid) => one.get(detailsId(id, uid))).filter((row) => row !== undefined);
    });
    for (const row of rows) row[0] -= detailsId(id, 0);
    const isEnd = isDense && rows.length < limits.sortKeysPerSlice;
    const until = isDense ? (isEnd ? last : (rows.at(-1)?.[0] ?? last)) : (wanted.at(-1) ?? last);
    const found: Row[] = [];
    let next = 0;
    for (; at < uids.length && (uids[at] as Uid) <= until; at += 1) {
      const uid = uids[at] as Uid;
      while (next < rows.length && (rows[next]?.[0] ?? 0) < uid) next += 1;
      const row = rows[next];
      if (row?.[0] === uid) found.push(row);
      else missing.push(uid);
    }
    yield found;
    after = until;
  }
}

async function makeMissing(
  account: AccountState,
  mailbox: SharedMailbox,
  uids: readonly Uid[],
): Promise<readonly (SortKeysRow & { readonly uid: number })[]> {
  const keys: (SortKeysRow & { readonly uid: number })[] = [];
  const waiting = uids.values();
  const readSome = async (): Promise<void> => {
    for (const uid of waiting) {
      const header = await readHeader(account, mailbox, uid);
      if (header !== undefined) keys.push({ uid, ...sortKeysOf(header) });
    }
  };
  await Promise.all(Array.from({ length: limits.sortHeadersAtOnce }, readSome));
  if (keys.length > 0) {
    // With a full disk, or another program's lock, they are made again the next time.
    await account.run("putSortKeys", { guid: mailbox.guid, keys }).catch(() => undefined);
  }
  return keys;
}

/** Up to the empty line; undefined when the message is gone. */
async function readHeader(
  account: AccountState,
  mailbox: SharedMailbox,
  uid: Uid,
): Promise<Uint8Array | undefined> {
  try {
    await using message = await openMessage(account, mailbox, uid);
    const pieces: Uint8Array[] = [];
    for await (const piece of message.read(0, limits.sortHeaderBytesMax)) {
      pieces.push(piece);
      if (Buffer.from(piece.buffer, piece.byteOffset, piece.length).includes("\r\n\r\n")) break;
    }
    return Buffer.concat(pieces);
  } catch (error) {
    if (error instanceof StoreError && error.code === "gone") return undefined;
    throw error;
  }
}
