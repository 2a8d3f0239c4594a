/** Rows that are sorted at once, in half a millisecond; longer runs come from merging. */
const RUN_ROWS = 512;
/** Rows that are merged between two looks at the clock. */
const ROWS_BETWEEN_PACES = 2_048;

/**
 * Sorts `rows` in place. The order is stable, and others have their turn in between: Array.sort() of 100,000
 * rows would stop the event loop for a tenth of a second.
 */
export async function mergeSort(
  rows: Uint32Array,
  compare: (one: number, other: number) => number,
  pace: () => Promise<void>,
): Promise<void> {
  for (let start = 0; start < rows.length; start += RUN_ROWS) {
    rows.subarray(start, start + RUN_ROWS).sort(compare);
    if (start % (RUN_ROWS * 4) === 0) await pace();
  }
  let from = rows;
  let to: Uint32Array = new Uint32Array(rows.length);
  for (let width = RUN_ROWS; width < rows.length; width *= 2) {
    for (let start = 0; start < rows.length; start += 2 * width) {
      const bounds = { start, middle: start + width, end: start + 2 * width };
      await merge(from, to, bounds, compare, pace);
    }
    [from, to] = [to, from];
  }
  if (from !== rows) rows.set(from);
}

async function merge(
  from: Uint32Array,
  to: Uint32Array,
  bounds: { readonly start: number; readonly middle: number; readonly end: number },
  compare: (one: number, other: number) => number,
  pace: () => Promise<void>,
): Promise<void> {
  const middle = Math.min(bounds.middle, from.length);
  const end = Math.min(bounds.end, from.length);
  let left = bounds.start;
  let right = middle;
  for (let at = bounds.start; at < end; ) {
    const stop = Math.min(at + ROWS_BETWEEN_PACES, end);
    for (; at < stop; at += 1) {
      const one = from[left] as number;
      const other = from[right] as number;
      const takesLeft = right >= end || (left < middle && compare(one, other) <= 0);
      to[at] = takesLeft ? one : other;
      if (takesLeft) left += 1;
      else right += 1;
    }
    await pace();
  }
}
