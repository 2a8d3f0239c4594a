/**
 * sequence-set of RFC 3501 §9: `2,4:7,9,12:*`.
 *
 * A client may name the same number twice and write a range backwards. What it means depends on the
 * largest number in the mailbox, so a set is first read and later resolved into ranges that are
 * ascending and apart. From there on membership is a binary search.
 */
export type SequenceNumber = number | "*";

export interface SequenceRange {
  readonly from: SequenceNumber;
  readonly to: SequenceNumber;
}

export type SequenceSet = readonly SequenceRange[];

/** UINT32_MAX: seq-number and uniqueid are nz-number, RFC 3501 §9. */
/** `$`, the messages that SEARCH saved (RFC 5182 §2.1); who resolves a set knows them. */
export const savedResult: SequenceSet = Object.freeze([]);

const NUMBER_MAX = 4_294_967_295;
const rangePattern = /(\*|[1-9]\d{0,9})(?::(\*|[1-9]\d{0,9}))?(,|$)/y;

/** Undefined when `text` is not a sequence-set. */
export function parseSequenceSet(text: string): SequenceSet | undefined {
  const ranges: SequenceRange[] = [];
  for (let at = 0; at < text.length; at = rangePattern.lastIndex) {
    rangePattern.lastIndex = at;
    const match = rangePattern.exec(text);
    if (match === null) return undefined;
    const from = parseNumber(match[1] as string);
    const to = match[2] === undefined ? from : parseNumber(match[2]);
    if (from === undefined || to === undefined) return undefined;
    ranges.push({ from, to });
  }
  if (ranges.length === 0 || text.endsWith(",")) return undefined;
  return ranges;
}

function parseNumber(text: string): SequenceNumber | undefined {
  if (text === "*") return "*";
  const number = Number(text);
  return number <= NUMBER_MAX ? number : undefined;
}

/** Writes a set as parseSequenceSet() reads it. */
export const formatSequenceSet = (set: SequenceSet): string =>
  set.map(({ from, to }) => (from === to ? `${from}` : `${from}:${to}`)).join(",");

/** Writes ascending numbers shortest: `1,2,3,5` as `1:3,5`. For COPYUID and APPENDUID, RFC 4315 §4. */
export function formatUidSet(uids: readonly number[]): string {
  const ranges: SequenceRange[] = [];
  for (let start = 0; start < uids.length; ) {
    let end = start;
    while (uids[end + 1] === (uids[end] as number) + 1) end += 1;
    ranges.push({ from: uids[start] as number, to: uids[end] as number });
    start = end + 1;
  }
  return formatSequenceSet(ranges);
}

/** Ranges that are ascending and do not touch. */
export class NumberRanges {
  readonly #bounds: Float64Array;

  /** `*` is `largest` (RFC 3501 §9); a range may be written from either end. */
  constructor(set: SequenceSet, largest: number) {
    const value = (number: SequenceNumber) => (number === "*" ? largest : number);
    const ranges = set
      .map(({ from, to }): [number, number] => {
        const [a, b] = [value(from), value(to)];
        return a <= b ? [a, b] : [b, a];
      })
      .sort((one, other) => one[0] - other[0]);

    const bounds: number[] = [];
    for (const [from, to] of ranges) {
      const last = bounds.at(-1);
      if (last !== undefined && from <= last + 1) bounds[bounds.length - 1] = Math.max(last, to);
      else bounds.push(from, to);
    }
    this.#bounds = Float64Array.from(bounds);
  }

  has(number: number): boolean {
    let low = 0;
    let high = this.#bounds.length / 2;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#bounds[2 * middle + 1] as number) < number) low = middle + 1;
      else high = middle;
    }
    const from = this.#bounds[2 * low];
    return from !== undefined && from <= number;
  }

  *[Symbol.iterator](): Generator<readonly [from: number, to: number]> {
    for (let index = 0; index < this.#bounds.length; index += 2) {
      yield [this.#bounds[index] as number, this.#bounds[index + 1] as number];
    }
  }
}
