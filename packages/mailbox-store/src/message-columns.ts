import type { MailboxChanges, MessageColumns, Uid } from "./types.ts";

/** One row as the index has it. */
export type ColumnRow = readonly [
  uid: number,
  flags: number,
  keywordSet: number,
  modSeq: number,
  size: number,
  internalMs: number,
  saveMs: number,
];

export function emptyColumns(keywordSets: readonly (readonly string[])[]): MessageColumns {
  return {
    length: 0,
    uids: new Uint32Array(0),
    systemFlags: new Uint8Array(0),
    keywordSet: new Uint32Array(0),
    keywordSets,
    modSeqs: new Float64Array(0),
    sizes: new Float64Array(0),
    internalDatesMs: new Float64Array(0),
    saveDatesMs: new Float64Array(0),
  };
}

/**
 * New columns: the old ones without `vanished`, with `rows` (by UID) in place of what they had. The old
 * ones stay as they were, since a session may still be telling its client about them.
 */
export function changedColumns(
  before: MessageColumns,
  rows: readonly ColumnRow[],
  vanished: ReadonlySet<number>,
  keywordSets: readonly (readonly string[])[],
): MessageColumns {
  const builder = new ColumnsBuilder(before.length + rows.length);
  let at = 0;
  for (const row of rows) {
    at = builder.copyUntil(before, at, row[0], vanished);
    if (before.uids[at] === row[0]) at += 1;
    builder.add(row);
  }
  builder.copyUntil(before, at, Number.POSITIVE_INFINITY, vanished);
  return builder.columns(keywordSets);
}

/** What a session that saw `before` has to be told. */
export function changesBetween(before: MessageColumns, after: MessageColumns): MailboxChanges {
  const added: Uid[] = [];
  const changed: Uid[] = [];
  const vanished: Uid[] = [];
  if (before !== after) {
    let from = 0;
    let to = 0;
    while (from < before.length || to < after.length) {
      const uidBefore = before.uids[from] ?? Number.POSITIVE_INFINITY;
      const uidAfter = after.uids[to] ?? Number.POSITIVE_INFINITY;
      if (uidBefore === uidAfter) {
        if (hasOtherFlags(before, from, after, to)) changed.push(uidAfter as Uid);
        from += 1;
        to += 1;
      } else if (uidBefore < uidAfter) {
        vanished.push(uidBefore as Uid);
        from += 1;
      } else {
        added.push(uidAfter as Uid);
        to += 1;
      }
    }
  }
  return { before, after, added, changed, vanished };
}

/** The place of a UID, or -1. */
export function indexOfUid(uids: Uint32Array, uid: number): number {
  let low = 0;
  let high = uids.length - 1;
  while (low <= high) {
    const middle = (low + high) >>> 1;
    const found = uids[middle] ?? 0;
    if (found === uid) return middle;
    if (found < uid) low = middle + 1;
    else high = middle - 1;
  }
  return -1;
}

/** A larger modseq alone, without another flag, is told too: a client with CONDSTORE keeps it. */
function hasOtherFlags(
  before: MessageColumns,
  from: number,
  after: MessageColumns,
  to: number,
): boolean {
  return before.modSeqs[from] !== after.modSeqs[to];
}

class ColumnsBuilder {
  readonly #uids: Uint32Array;
  readonly #systemFlags: Uint8Array;
  readonly #keywordSet: Uint32Array;
  readonly #modSeqs: Float64Array;
  readonly #sizes: Float64Array;
  readonly #internalDatesMs: Float64Array;
  readonly #saveDatesMs: Float64Array;
  #length = 0;

  constructor(lengthMax: number) {
    this.#uids = new Uint32Array(lengthMax);
    this.#systemFlags = new Uint8Array(lengthMax);
    this.#keywordSet = new Uint32Array(lengthMax);
    this.#modSeqs = new Float64Array(lengthMax);
    this.#sizes = new Float64Array(lengthMax);
    this.#internalDatesMs = new Float64Array(lengthMax);
    this.#saveDatesMs = new Float64Array(lengthMax);
  }

  add(row: ColumnRow): void {
    const at = this.#length++;
    this.#uids[at] = row[0];
    this.#systemFlags[at] = row[1] & 31;
    this.#keywordSet[at] = row[2];
    this.#modSeqs[at] = row[3];
    this.#sizes[at] = row[4];
    this.#internalDatesMs[at] = row[5];
    this.#saveDatesMs[at] = row[6];
  }

  /** Copies runs that nothing vanished from; gives the first place with a UID of at least `uid`. */
  copyUntil(
    from: MessageColumns,
    start: number,
    uid: number,
    vanished: ReadonlySet<number>,
  ): number {
    let runStart = start;
    let at = start;
    for (; at < from.length && (from.uids[at] ?? 0) < uid; at += 1) {
      if (vanished.size > 0 && vanished.has(from.uids[at] ?? 0)) {
        this.#copyRun(from, runStart, at);
        runStart = at + 1;
      }
    }
    this.#copyRun(from, runStart, at);
    return at;
  }

  columns(keywordSets: readonly (readonly string[])[]): MessageColumns {
    const end = this.#length;
    return {
      length: end,
      uids: this.#uids.subarray(0, end),
      systemFlags: this.#systemFlags.subarray(0, end),
      keywordSet: this.#keywordSet.subarray(0, end),
      keywordSets,
      modSeqs: this.#modSeqs.subarray(0, end),
      sizes: this.#sizes.subarray(0, end),
      internalDatesMs: this.#internalDatesMs.subarray(0, end),
      saveDatesMs: this.#saveDatesMs.subarray(0, end),
    };
  }

  #copyRun(from: MessageColumns, start: number, end: number): void {
    if (end <= start) return;
    const at = this.#length;
    this.#uids.set(from.uids.subarray(start, end), at);
    this.#systemFlags.set(from.systemFlags.subarray(start, end), at);
    this.#keywordSet.set(from.keywordSet.subarray(start, end), at);
    this.#modSeqs.set(from.modSeqs.subarray(start, end), at);
    this.#sizes.set(from.sizes.subarray(start, end), at);
    this.#internalDatesMs.set(from.internalDatesMs.subarray(start, end), at);
    this.#saveDatesMs.set(from.saveDatesMs.subarray(start, end), at);
    this.#length = at + end - start;
  }
}
