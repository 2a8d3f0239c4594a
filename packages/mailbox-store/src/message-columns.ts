import { systemFlagsMask } from "./index/schema.ts";
import { RestingColumn } from "./resting-column.ts";
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

/**
 * The columns of an open mailbox. Those that nobody needs while it is idle go to rest: of ten thousand clients that
 * idle, each has a fifth of such a mailbox.
 */
export class RestingColumns implements MessageColumns {
  readonly length: number;
  readonly uids: Uint32Array;
  readonly systemFlags: Uint8Array;
  readonly keywordSet: Uint32Array;
  readonly keywordSets: readonly (readonly string[])[];
  readonly #modSeqs: RestingColumn;
  /** The same in all versions of a mailbox that differ in flags. */
  readonly #fixed: FixedColumns;

  constructor(columns: Omit<MessageColumns, keyof FixedColumns>, fixed: FixedColumns) {
    this.length = columns.length;
    this.uids = columns.uids;
    this.systemFlags = columns.systemFlags;
    this.keywordSet = columns.keywordSet;
    this.keywordSets = columns.keywordSets;
    this.#modSeqs = new RestingColumn(columns.modSeqs);
    this.#fixed = fixed;
  }

  static of(columns: MessageColumns): RestingColumns {
    return new RestingColumns(columns, {
      sizes: new RestingColumn(columns.sizes),
      internalDatesMs: new RestingColumn(columns.internalDatesMs),
      saveDatesMs: new RestingColumn(columns.saveDatesMs),
    });
  }

  get modSeqs(): Float64Array {
    return this.#modSeqs.values;
  }

  get sizes(): Float64Array {
    return this.#fixed.sizes.values;
  }

  get internalDatesMs(): Float64Array {
    return this.#fixed.internalDatesMs.values;
  }

  get saveDatesMs(): Float64Array {
    return this.#fixed.saveDatesMs.values;
  }

  /** Other flags; all else is shared with these columns. */
  with(changes: Partial<FlagColumns>): RestingColumns {
    const { length, uids, systemFlags, keywordSet, keywordSets } = this;
    const { modSeqs = this.modSeqs } = changes;
    return new RestingColumns(
      { length, uids, systemFlags, keywordSet, keywordSets, ...changes, modSeqs },
      this.#fixed,
    );
  }

  /** To be called now and then; see RestingColumn. */
  rest(): void {
    const { sizes, internalDatesMs, saveDatesMs } = this.#fixed;
    for (const column of [this.#modSeqs, sizes, internalDatesMs, saveDatesMs]) column.rest();
  }
}

interface FixedColumns {
  readonly sizes: RestingColumn;
  readonly internalDatesMs: RestingColumn;
  readonly saveDatesMs: RestingColumn;
}

type FlagColumns = Pick<MessageColumns, "systemFlags" | "keywordSet" | "keywordSets" | "modSeqs">;

export function emptyColumns(keywordSets: readonly (readonly string[])[]): RestingColumns {
  return RestingColumns.of({
    length: 0,
    uids: new Uint32Array(0),
    systemFlags: new Uint8Array(0),
    keywordSet: new Uint32Array(0),
    keywordSets,
    modSeqs: new Float64Array(0),
    sizes: new Float64Array(0),
    internalDatesMs: new Float64Array(0),
    saveDatesMs: new Float64Array(0),
  });
}

/** Most mailboxes have no keywords: they share one column of zeros, which nobody may write into. */
let zeros = new Uint32Array(1024);

function withoutZeros(keywordSet: Uint32Array): Uint32Array {
  if (keywordSet.some((number) => number !== 0)) return keywordSet;
  const { length } = keywordSet;
  if (length > zeros.length) zeros = new Uint32Array(2 * length);
  return zeros.subarray(0, length);
}

/**
 * New columns: the old ones without `vanished`, with `rows` (by UID) in place of what they had. The old
 * ones stay as they were, since a session may still be telling its client about them; what is the same
 * in both is shared.
 */
export function changedColumns(
  before: RestingColumns,
  rows: readonly ColumnRow[],
  vanished: ReadonlySet<number>,
  keywordSets: readonly (readonly string[])[],
): RestingColumns {
  const places = rows.map((row) => indexOfUid(before.uids, row[0]));
  if (vanished.size === 0 && places.every((at, nth) => isSameButFlags(before, at, rows[nth]))) {
    return before.with({ ...flagsOf(before, rows, places), keywordSets });
  }
  const added = places.filter((at) => at < 0).length;
  const builder = new ColumnsBuilder(before.length + added);
  let at = 0;
  for (const row of rows) {
    at = builder.copyUntil(before, at, row[0], vanished);
    if (before.uids[at] === row[0]) at += 1;
    builder.add(row);
  }
  builder.copyUntil(before, at, Number.POSITIVE_INFINITY, vanished);
  return builder.columns(keywordSets);
}

function isSameButFlags(before: MessageColumns, at: number, row: ColumnRow | undefined): boolean {
  return at >= 0 && before.sizes[at] === row?.[4];
}

function flagsOf(before: MessageColumns, rows: readonly ColumnRow[], places: readonly number[]) {
  if (rows.length === 0) return {};
  const systemFlags = before.systemFlags.slice();
  const keywordSet = before.keywordSet.slice();
  const modSeqs = before.modSeqs.slice();
  for (const [nth, row] of rows.entries()) {
    const at = places[nth] ?? 0;
    systemFlags[at] = row[1] & systemFlagsMask;
    keywordSet[at] = row[2];
    modSeqs[at] = row[3];
  }
  return { systemFlags, keywordSet, modSeqs };
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

/** Of fewer rows than this the fourteen views that a copy in one piece needs are dearer than the rows. */
const shortRun = 32;

/** Columns in the making; grows when there is more than was expected. */
export class ColumnsBuilder {
  #uids: Uint32Array;
  #systemFlags: Uint8Array;
  #keywordSet: Uint32Array;
  #modSeqs: Float64Array;
  #sizes: Float64Array;
  #internalDatesMs: Float64Array;
  #saveDatesMs: Float64Array;
  #length = 0;

  constructor(lengthExpected: number) {
    this.#uids = new Uint32Array(lengthExpected);
    this.#systemFlags = new Uint8Array(lengthExpected);
    this.#keywordSet = new Uint32Array(lengthExpected);
    this.#modSeqs = new Float64Array(lengthExpected);
    this.#sizes = new Float64Array(lengthExpected);
    this.#internalDatesMs = new Float64Array(lengthExpected);
    this.#saveDatesMs = new Float64Array(lengthExpected);
  }

  add(row: ColumnRow): void {
    this.#makeRoomFor(1);
    const at = this.#length++;
    this.#uids[at] = row[0];
    this.#systemFlags[at] = row[1] & systemFlagsMask;
    this.#keywordSet[at] = row[2];
    this.#modSeqs[at] = row[3];
    this.#sizes[at] = row[4];
    this.#internalDatesMs[at] = row[5];
    this.#saveDatesMs[at] = row[6];
  }

  addAll(columns: AllColumns): void {
    this.#copyRun(columns, 0, columns.length);
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

  columns(keywordSets: readonly (readonly string[])[]): RestingColumns {
    // Exactly as large as they are: they stay for as long as somebody has the mailbox open.
    if (this.#length !== this.#uids.length) this.#resize(this.#length);
    return RestingColumns.of({
      length: this.#length,
      uids: this.#uids,
      systemFlags: this.#systemFlags,
      keywordSet: withoutZeros(this.#keywordSet),
      keywordSets,
      modSeqs: this.#modSeqs,
      sizes: this.#sizes,
      internalDatesMs: this.#internalDatesMs,
      saveDatesMs: this.#saveDatesMs,
    });
  }

  #makeRoomFor(more: number): void {
    const needed = this.#length + more;
    if (needed > this.#uids.length) this.#resize(Math.ceil(needed * 1.25));
  }

  #resize(length: number): void {
    const used = Math.min(length, this.#length);
    this.#uids = resized(this.#uids, used, new Uint32Array(length));
    this.#systemFlags = resized(this.#systemFlags, used, new Uint8Array(length));
    this.#keywordSet = resized(this.#keywordSet, used, new Uint32Array(length));
    this.#modSeqs = resized(this.#modSeqs, used, new Float64Array(length));
    this.#sizes = resized(this.#sizes, used, new Float64Array(length));
    this.#internalDatesMs = resized(this.#internalDatesMs, used, new Float64Array(length));
    this.#saveDatesMs = resized(this.#saveDatesMs, used, new Float64Array(length));
  }

  #copyRow(from: AllColumns, row: number): void {
    const at = this.#length++;
    this.#uids[at] = from.uids[row] ?? 0;
    this.#systemFlags[at] = from.systemFlags[row] ?? 0;
    this.#keywordSet[at] = from.keywordSet[row] ?? 0;
    this.#modSeqs[at] = from.modSeqs[row] ?? 0;
    this.#sizes[at] = from.sizes[row] ?? 0;
    this.#internalDatesMs[at] = from.internalDatesMs[row] ?? 0;
    this.#saveDatesMs[at] = from.saveDatesMs[row] ?? 0;
  }

  #copyRun(from: AllColumns, start: number, end: number): void {
    if (end <= start) return;
    this.#makeRoomFor(end - start);
    if (end - start < shortRun) {
      for (let row = start; row < end; row += 1) this.#copyRow(from, row);
      return;
    }
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

type AllColumns = Omit<MessageColumns, "keywordSets">;

function resized<Column extends Float64Array | Uint32Array | Uint8Array>(
  before: Column,
  used: number,
  after: Column,
): Column {
  after.set(before.subarray(0, used));
  return after;
}
