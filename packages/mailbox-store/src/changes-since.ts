import { setImmediate as nextTurn } from "node:timers/promises";
import type { AccountState } from "./account-state.ts";
import { limits } from "./limits.ts";
import type { SharedMailbox } from "./shared-mailbox.ts";
import { StoreError } from "./store-error.ts";
import type { ChangesSince, MessageColumns, ModSeq, UidSet } from "./types.ts";
import { intersection, orderedUidSet, uidSetOf, uidsMissing } from "./uid-set.ts";

/** Rounds in which other processes may change the mailbox between two reads of ours. */
const attemptsMax = 20;

/**
 * What changed after a modseq, from the columns, and what vanished, from the history of expunges. Both
 * are of one moment: should another process change the mailbox between the two, they are read again.
 *
 * Where the history does not go back so far, because the index was lost or the history grew too long,
 * every UID below UIDNEXT that is not there is told as vanished (RFC 7162 §3.2.5.1 lets a server do so).
 */
export async function changesSince(
  account: AccountState,
  mailbox: SharedMailbox,
  modSeq: ModSeq,
  knownUids: UidSet | undefined,
): Promise<ChangesSince> {
  const known = knownUids === undefined ? undefined : orderedUidSet(knownUids);
  for (let attempt = 0; attempt < attemptsMax; attempt += 1) {
    await mailbox.refresh();
    const { columns, columnsModSeq } = mailbox;
    const state = await account.read((queries) => queries.mailboxByGuid.get(mailbox.guid));
    if (state?.highestModSeq !== columnsModSeq || mailbox.columns !== columns) continue;
    const history =
      modSeq >= state.historyModSeq
        ? await readHistory(account, mailbox, { id: state.id, after: modSeq, upTo: columnsModSeq })
        : undefined;
    const vanished = history ?? uidsMissing(columns.uids, state.uidNext);
    return {
      ...changedRows(columns, modSeq, known),
      vanished: known === undefined ? vanished : intersection(vanished, known),
      isHistoryWhole: history !== undefined,
      highestModSeq: columnsModSeq as ModSeq,
    };
  }
  throw new StoreError("unavailable", `The mailbox of id ${mailbox.guid} does not stand still`);
}

/** In slices; undefined when it was trimmed meanwhile. */
async function readHistory(
  account: AccountState,
  mailbox: SharedMailbox,
  range: { readonly id: number; readonly after: number; readonly upTo: number },
): Promise<UidSet | undefined> {
  const uids: number[] = [];
  for (;;) {
    const slice = await account.read((queries) => {
      const state = queries.mailboxByGuid.get(mailbox.guid);
      if (state?.id !== range.id || range.after < state.historyModSeq) return undefined;
      const { id, after, upTo } = range;
      return queries.expungedBetween.all(id, after, upTo, uids.at(-1) ?? 0, limits.rowsPerSlice);
    });
    if (slice === undefined) return undefined;
    for (const uid of slice) uids.push(uid);
    if (slice.length < limits.rowsPerSlice) return uidSetOf(uids);
    await nextTurn();
  }
}

/** Of `knownUids` only, where they are given. */
export function changedRows(
  { length, uids, modSeqs }: MessageColumns,
  modSeq: number,
  knownUids: UidSet | undefined,
): { readonly uids: Uint32Array; readonly modSeqs: Float64Array } {
  const known = knownUids === undefined ? undefined : orderedUidSet(knownUids);
  const changed = new Uint32Array(length);
  const changedModSeqs = new Float64Array(length);
  let count = 0;
  let range = 0;
  for (let row = 0; row < length; row += 1) {
    const uid = uids[row] ?? 0;
    const rowModSeq = modSeqs[row] ?? 0;
    if (rowModSeq <= modSeq) continue;
    if (known !== undefined) {
      while ((known[range]?.last ?? Number.POSITIVE_INFINITY) < uid) range += 1;
      if (!((known[range]?.first ?? Number.POSITIVE_INFINITY) <= uid)) continue;
    }
    changed[count] = uid;
    changedModSeqs[count] = rowModSeq;
    count += 1;
  }
  return { uids: changed.slice(0, count), modSeqs: changedModSeqs.slice(0, count) };
}
