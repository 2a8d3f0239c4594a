import type { Uid, UidRange, UidSet } from "./types.ts";

/** Ranges of these UIDs, which are ascending. */
export function uidSetOf(uids: Iterable<number>): UidSet {
  const ranges: { first: Uid; last: Uid }[] = [];
  for (const uid of uids as Iterable<Uid>) {
    const range = ranges.at(-1);
    if (range !== undefined && uid === range.last + 1) range.last = uid;
    else ranges.push({ first: uid, last: uid });
  }
  return ranges;
}

/** The same UIDs, ascending, no two ranges touching; a range may come the wrong way round. */
export function orderedUidSet(set: UidSet): UidSet {
  const ascending = set
    .map(({ first, last }) => (first <= last ? { first, last } : { first: last, last: first }))
    .sort((a, b) => a.first - b.first);
  const ranges: { first: Uid; last: Uid }[] = [];
  for (const { first, last } of ascending) {
    const range = ranges.at(-1);
    if (range !== undefined && first <= range.last + 1) {
      if (last > range.last) range.last = last;
    } else ranges.push({ first, last });
  }
  return ranges;
}

/** UIDs of a column that are in an ordered set: the shorter of the two decides how long it takes. */
export function uidsInSet(uids: Uint32Array, set: UidSet): Uid[] {
  const found: Uid[] = [];
  for (const { first, last } of set) {
    for (let at = placeOf(uids, first); at < uids.length && (uids[at] ?? 0) <= last; at += 1) {
      found.push(uids[at] as Uid);
    }
  }
  return found;
}

/** Everything from 1 to below `uidNext` that is not in the column. */
export function uidsMissing(uids: Uint32Array, uidNext: number): UidSet {
  const ranges: UidRange[] = [];
  let next = 1;
  for (const uid of uids) {
    if (uid > next) ranges.push({ first: next as Uid, last: (uid - 1) as Uid });
    next = uid + 1;
  }
  if (uidNext > next) ranges.push({ first: next as Uid, last: (uidNext - 1) as Uid });
  return ranges;
}

/** Of two ordered sets. */
export function intersection(a: UidSet, b: UidSet): UidSet {
  const ranges: UidRange[] = [];
  for (let i = 0, j = 0; i < a.length && j < b.length; ) {
    const one = a[i] as UidRange;
    const other = b[j] as UidRange;
    const first = Math.max(one.first, other.first) as Uid;
    const last = Math.min(one.last, other.last) as Uid;
    if (first <= last) ranges.push({ first, last });
    if (one.last < other.last) i += 1;
    else j += 1;
  }
  return ranges;
}

/** The first place whose UID is at least this. */
function placeOf(uids: Uint32Array, uid: number): number {
  let low = 0;
  let high = uids.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((uids[middle] ?? 0) < uid) low = middle + 1;
    else high = middle;
  }
  return low;
}
