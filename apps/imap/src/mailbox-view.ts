import type {
  MailboxChanges,
  MessageColumns,
  Uid,
  UidRange,
  UidSet,
} from "@posthouse/mailbox-store";
import { NumberSet } from "./number-set.ts";
import type { NumberRanges } from "./syntax/sequence-set.ts";

/**
 * The numbers that one client believes in.
 *
 * A client learns of an expunge only when we say so, and until then its sequence numbers count
 * messages that are gone (RFC 3501 §7.4.1). So there are two lists: `columns`, what the mailbox was
 * when we last looked, and the UIDs in the client's order, which still hold the gone ones. Number n is the
 * n-th of the second list. New messages go to the end of both, since a new UID is larger than all before.
 *
 * While nothing is owed, the second list *is* the UID column, which all sessions of the process share:
 * an idle client of a large mailbox costs no list of its own.
 *
 * The idea that looks better and is not: to renumber at once and remember an offset for each number.
 * It makes every FETCH pay for an expunge that the client was not told of.
 */
export class MailboxView {
  #columns: MessageColumns;
  /** In the client's order; ascending, with those in #gone. */
  #uids: Uint32Array;
  /** Where the last UID was found. */
  #near = 0;
  readonly #gone = new NumberSet();
  readonly #changed = new NumberSet();
  readonly #recent = new NumberSet();

  constructor(columns: MessageColumns) {
    this.#columns = columns;
    this.#uids = columns.uids;
  }

  /** The mailbox as of the last apply(), without what is gone. */
  get columns(): MessageColumns {
    return this.#columns;
  }

  /** Messages as the client counts them, with those that are gone and not told. */
  get exists(): number {
    return this.#uids.length;
  }

  get recentCount(): number {
    return this.#recent.size;
  }

  /** The UID of a sequence number; undefined past the end. */
  uidOf(sequence: number): Uid | undefined {
    return this.#uids[sequence - 1] as Uid | undefined;
  }

  /** The sequence number of a UID; undefined when the client does not know it. */
  sequenceOf(uid: number): number | undefined {
    const index = this.#indexNear(this.#uids, uid);
    return index === undefined ? undefined : index + 1;
  }

  /** Where a UID stands in the columns; undefined when it is gone. */
  rowOf(uid: number): number | undefined {
    return this.#indexNear(this.#columns.uids, uid);
  }

  /** Whoever goes through all messages asks for the same one again, and then for the next. */
  #indexNear(uids: Uint32Array, uid: number): number | undefined {
    const near = this.#near;
    if (uids[near] === uid) return near;
    if (uids[near + 1] === uid) {
      this.#near = near + 1;
      return near + 1;
    }
    const index = indexOf(uids, uid);
    if (index !== undefined) this.#near = index;
    return index;
  }

  isRecent(uid: number): boolean {
    return this.#recent.has(uid);
  }

  /** These are \Recent to this session, and to no other (RFC 3501 §2.3.2). */
  addRecent(uids: Iterable<number>): void {
    for (const uid of uids) {
      if (indexOf(this.#uids, uid) !== undefined) this.#recent.add(uid);
    }
  }

  /** UIDs of the client's messages whose sequence number is in `ranges`. */
  uidsAtSequences(ranges: NumberRanges): Uid[] {
    const uids: Uid[] = [];
    for (const [from, to] of ranges) {
      const last = Math.min(to, this.#uids.length);
      for (let sequence = Math.max(from, 1); sequence <= last; sequence += 1) {
        uids.push(this.#uids[sequence - 1] as Uid);
      }
    }
    return uids;
  }

  /** UIDs of the client's messages that are in `ranges`; a UID that names nothing is no error (RFC 3501 §6.4.8). */
  uidsIn(ranges: NumberRanges): Uid[] {
    const uids: Uid[] = [];
    for (const [from, to] of ranges) {
      for (let index = firstNotBelow(this.#uids, from); index < this.#uids.length; index += 1) {
        const uid = this.#uids[index] as Uid;
        if (uid > to) break;
        uids.push(uid);
      }
    }
    return uids;
  }

  /** Of these ranges what lies above `above` and is none of the client's messages. */
  *withoutKnown(ranges: UidSet, above: number): Generator<UidRange> {
    for (const { first, last } of ranges) {
      let from = Math.max(first, above + 1);
      for (let index = firstNotBelow(this.#uids, from); index < this.#uids.length; index += 1) {
        const uid = this.#uids[index] as number;
        if (uid > last) break;
        if (from < uid) yield { first: from, last: uid - 1 } as UidRange;
        from = uid + 1;
      }
      if (from <= last) yield { first: from, last } as UidRange;
    }
  }

  /** The last UID that the client knows, 0 in an empty mailbox: what `*` is among UIDs. */
  get largestUid(): number {
    return this.#uids.at(-1) ?? 0;
  }

  /** Takes in what the store says is new. Nothing of it is told yet but that `exists` may have grown. */
  apply({ after, added, changed, vanished }: MailboxChanges): void {
    const last = this.largestUid;
    for (const uid of vanished) {
      if (indexOf(this.#uids, uid) === undefined) continue;
      this.#gone.add(uid);
      this.#changed.delete(uid);
    }
    // A file that was out of sight for a while: the client never heard that it was gone.
    for (const uid of added) this.#gone.delete(uid);
    for (const uid of changed) this.#changed.add(uid);

    this.#columns = after;
    this.#uids = this.#gone.size === 0 ? after.uids : withAppended(this.#uids, after.uids, last);
  }

  /** UIDs whose flags the client does not know as they are, ascending. */
  changedUids(): number[] {
    return [...this.#changed].sort((one, other) => one - other);
  }

  /** The client has been told the flags of this message as they are now. */
  flagsTold(uid: number): void {
    this.#changed.delete(uid);
  }

  get owesExpunges(): boolean {
    return this.#gone.size > 0;
  }

  /**
   * The numbers of the untagged EXPUNGE, each counted after the ones before it. From here on the
   * client's numbers are ours again, so all that this returns must be sent. What came and went since
   * the client was told of `toldExists` messages is none of its business.
   */
  tellExpunges(toldExists: number): number[] {
    const before = this.#uids;
    const uids = this.tellVanished(toldExists);
    return Array.from(uids, (uid, told) => (indexOf(before, uid) ?? 0) + 1 - told);
  }

  /** As tellExpunges(), with UIDs, ascending: for VANISHED (RFC 7162 §3.2.10.2). */
  tellVanished(toldExists: number): Uint32Array {
    const lastTold = this.#uids[Math.min(toldExists, this.#uids.length) - 1] ?? 0;
    const gone = Uint32Array.from(this.#gone).sort();
    for (const uid of gone) this.#recent.delete(uid);
    this.#gone.clear();
    this.#uids = this.#columns.uids;
    return gone.subarray(0, firstNotBelow(gone, lastTold + 1));
  }
}

function withAppended(uids: Uint32Array, current: Uint32Array, last: number): Uint32Array {
  const added = current.subarray(firstNotBelow(current, last + 1));
  if (added.length === 0) return uids;
  const longer = new Uint32Array(uids.length + added.length);
  longer.set(uids);
  longer.set(added, uids.length);
  return longer;
}

/** Where a number stands; undefined when it does not. */
export function indexOf(ascending: Uint32Array, wanted: number): number | undefined {
  const index = firstNotBelow(ascending, wanted);
  return ascending[index] === wanted ? index : undefined;
}

/** The first index whose value is at least `wanted`; the length when there is none. */
export function firstNotBelow(ascending: Uint32Array, wanted: number): number {
  let low = 0;
  let high = ascending.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((ascending[middle] as number) < wanted) low = middle + 1;
    else high = middle;
  }
  return low;
}
