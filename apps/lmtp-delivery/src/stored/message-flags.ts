import { type MessageColumns, type SystemFlag, systemFlagBits } from "@posthouse/mailbox-store";

/** Where a message stands in the columns; undefined when it is not there. */
export function rowOf({ uids }: MessageColumns, uid: number): number | undefined {
  let low = 0;
  let high = uids.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((uids[middle] ?? 0) < uid) low = middle + 1;
    else high = middle;
  }
  return uids[low] === uid ? low : undefined;
}

/** As a script sees them. */
export function flagsOfRow(columns: MessageColumns, row: number): readonly string[] {
  const bits = columns.systemFlags[row] ?? 0;
  const system = (Object.keys(systemFlagBits) as SystemFlag[]).filter(
    (flag) => (bits & systemFlagBits[flag]) !== 0,
  );
  return [...system, ...(columns.keywordSets[columns.keywordSet[row] ?? 0] ?? [])];
}
