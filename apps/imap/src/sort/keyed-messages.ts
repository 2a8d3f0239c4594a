import { indexOf } from "../mailbox-view.ts";
import type { SelectedMailbox } from "../selected-mailbox.ts";
import { MailboxKeys } from "./mailbox-keys.ts";

/** Some messages of a mailbox, and where their keys stand: row i of `rows` is that of uids[i]. */
export interface KeyedMessages {
  readonly keys: MailboxKeys;
  readonly uids: Uint32Array;
  readonly rows: Uint32Array;
}

/**
 * Messages that are given ascending. For few of many the keys of the others are not worth reading. One that
 * is gone has the keys of its neighbour, and is gone.
 */
export async function keyedMessages(
  { mailbox }: SelectedMailbox,
  uids: Uint32Array,
  pace: () => Promise<void>,
): Promise<KeyedMessages> {
  if (uids.length * 4 < mailbox.columns.length) {
    return { keys: new MailboxKeys(uids), uids, rows: Uint32Array.from(uids.keys()) };
  }
  const keys = MailboxKeys.of(mailbox);
  return { keys, uids, rows: await rowsIn(keys.uids, uids, pace) };
}

/** Where each of some ascending numbers stands among others. */
export async function rowsIn(
  all: Uint32Array,
  some: Uint32Array,
  pace: () => Promise<void>,
): Promise<Uint32Array> {
  const rows = new Uint32Array(some.length);
  let next = 0;
  for (let at = 0; at < some.length; at += 1) {
    const uid = some[at] as number;
    if (all[next] !== uid) next = indexOf(all, uid) ?? next;
    rows[at] = next;
    next += 1;
    if (at % 4096 === 0) await pace();
  }
  return rows;
}
