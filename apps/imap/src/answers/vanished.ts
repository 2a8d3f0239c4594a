import type { UidRange } from "@posthouse/mailbox-store";
import { limits } from "../limits.ts";
import type { ResponseWriter } from "../response-writer.ts";

/**
 * `* VANISHED (EARLIER) 41,43:116,214:540`, RFC 7162 §3.2.10. Several lines when it is long: a client holds a
 * line in memory, and others want their turn meanwhile.
 */
export async function writeVanished(
  ranges: Iterable<UidRange>,
  { isEarlier }: { readonly isEarlier: boolean },
  output: ResponseWriter,
): Promise<void> {
  const start = isEarlier ? "VANISHED (EARLIER)" : "VANISHED";
  let texts: string[] = [];
  for (const { first, last } of ranges) {
    texts.push(first === last ? `${first}` : `${first}:${last}`);
    if (texts.length < limits.vanishedRangesPerLine) continue;
    output.untagged(`${start} ${texts.join(",")}`);
    texts = [];
    await output.pace();
  }
  if (texts.length > 0) output.untagged(`${start} ${texts.join(",")}`);
}

/** Ascending UIDs as ranges, one at a time. */
export function* rangesOf(uids: Uint32Array): Generator<UidRange> {
  for (let start = 0; start < uids.length; ) {
    let end = start;
    while (end + 1 < uids.length && uids[end + 1] === (uids[end] as number) + 1) end += 1;
    yield { first: uids[start], last: uids[end] } as UidRange;
    start = end + 1;
  }
}
