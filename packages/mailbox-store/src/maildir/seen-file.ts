import type { UidRange, UidSet } from "../types.ts";
import { intersection, orderedUidSet } from "../uid-set.ts";

/** Which messages of a mailbox somebody who does not own it has seen, and when that changed. */
export interface SeenFile {
  readonly uidValidity: number;
  readonly seen: UidSet;
  /** By modseq, ascending: UIDs that became \Seen, or were no longer, at that modseq. */
  readonly changes: readonly SeenChange[];
}

interface SeenChange {
  readonly modSeq: number;
  readonly uids: UidSet;
}

/** Older changes share the modseq of the last of them: a client is told more than it asked for, never less. */
const changesKeptMax = 200;

export const seenFilePrefix = "posthouse-seen-";

/** In the mailbox's folder, one for each user. */
export const seenFileName = (user: string): string => `${seenFilePrefix}${user}`;

/** Part of a file name, and nothing else. */
export const isSeenUser = (user: string): boolean => /^[a-z0-9]{1,64}$/.test(user);

export const emptySeenFile = (uidValidity: number): SeenFile => ({
  uidValidity,
  seen: [],
  changes: [],
});

/**
 * One field a line; replaced as a whole (tmp, fsync, rename), never written in place.
 *
 *   posthouse-seen 1
 *   uid-validity <n>        of another life of the mailbox, all of it is void
 *   seen 1:500,510
 *   change <modseq> 3,7:9   ascending
 *
 * Never throws; undefined when it is no such file, or a damaged one. A set is of ascending UIDs.
 */
export function parseSeenFile(octets: Buffer): SeenFile | undefined {
  const [first, ...lines] = octets.toString("latin1").split("\n");
  if (first !== "posthouse-seen 1") return undefined;
  let uidValidity = 0;
  let seen: UidSet = [];
  const changes: SeenChange[] = [];
  for (const line of lines) {
    const [name = "", value = "", text = ""] = line.split(" ");
    if (name === "uid-validity") uidValidity = Number(value);
    else if (name === "seen") seen = parseSet(value);
    else if (name === "change" && /^\d{1,15}$/.test(value)) {
      changes.push({ modSeq: Number(value), uids: parseSet(text) });
    }
  }
  if (!Number.isInteger(uidValidity) || uidValidity <= 0) return undefined;
  return { uidValidity, seen, changes: changes.sort((a, b) => a.modSeq - b.modSeq) };
}

export function formatSeenFile({ uidValidity, seen, changes }: SeenFile): string {
  return [
    "posthouse-seen 1",
    `uid-validity ${uidValidity}`,
    `seen ${formatSet(seen)}`,
    ...changes.map(({ modSeq, uids }) => `change ${modSeq} ${formatSet(uids)}`),
    "",
  ].join("\n");
}

/** The newest modseq that it speaks of; 0 when it speaks of none. */
export const lastModSeq = ({ changes }: SeenFile): number => changes.at(-1)?.modSeq ?? 0;

/** Which of these, ascending, are not yet as they are to be. */
export function unlike(file: SeenFile, uids: UidSet, isSeen: boolean): UidSet {
  return isSeen ? difference(uids, file.seen) : intersection(uids, file.seen);
}

/** With these seen, or no longer, at a modseq. */
export function withSeen(
  file: SeenFile,
  uids: UidSet,
  { isSeen, modSeq }: { readonly isSeen: boolean; readonly modSeq: number },
): SeenFile {
  const seen = isSeen ? orderedUidSet([...file.seen, ...uids]) : difference(file.seen, uids);
  const older = file.changes
    .map((change) => ({ ...change, uids: difference(change.uids, uids) }))
    .filter((change) => change.uids.length > 0);
  while (older.length >= changesKeptMax) {
    const [oldest, next] = older.splice(0, 2);
    if (oldest === undefined || next === undefined) break;
    older.unshift({ ...next, uids: orderedUidSet([...oldest.uids, ...next.uids]) });
  }
  return { ...file, seen, changes: [...older, { modSeq, uids }] };
}

/** Of two ordered sets, the UIDs of the first that are not in the second. */
export function difference(a: UidSet, b: UidSet): UidSet {
  const ranges: UidRange[] = [];
  let at = 0;
  for (const { first, last } of a) {
    let next: number = first;
    while (at < b.length && (b[at] as UidRange).last < next) at += 1;
    for (let other = at; other < b.length && (b[other] as UidRange).first <= last; other += 1) {
      const taken = b[other] as UidRange;
      if (taken.first > next) ranges.push(rangeOf(next, taken.first - 1));
      next = Math.max(next, taken.last + 1);
    }
    if (next <= last) ranges.push(rangeOf(next, last));
  }
  return ranges;
}

const rangeOf = (first: number, last: number): UidRange => ({ first, last }) as UidRange;

const formatSet = (set: UidSet): string =>
  set.map(({ first, last }) => (first === last ? `${first}` : `${first}:${last}`)).join(",");

function parseSet(text: string): UidSet {
  const ranges = text.split(",").flatMap((part) => {
    const [, first, last] = /^(\d{1,10})(?::(\d{1,10}))?$/.exec(part) ?? [];
    return first === undefined ? [] : [rangeOf(Number(first), Number(last ?? first))];
  });
  return orderedUidSet(ranges);
}
