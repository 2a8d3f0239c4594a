const END = Buffer.from("\r\n.\r\n");
const LINE_END_BYTES = 2;

/**
 * The message up to a line with a dot alone, which ends it when it is typed by hand or written by a
 * program that does not give -i. Lines end with CRLF here already; what follows the dot is not read.
 */
export async function* untilDot(octets: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  // As if a line had ended before the message, so that its first line may be the dot.
  let held: Buffer = END.subarray(0, LINE_END_BYTES);
  let unsaid = LINE_END_BYTES;
  for await (const chunk of octets) {
    held = Buffer.concat([held, chunk]);
    const at = held.indexOf(END);
    if (at >= 0) {
      yield held.subarray(unsaid, at + LINE_END_BYTES);
      return;
    }
    // Its end may be the beginning of the end.
    const kept = Math.max(unsaid, held.length - END.length + 1);
    yield held.subarray(unsaid, kept);
    const from = Math.max(0, held.length - END.length + 1);
    unsaid = kept - from;
    held = held.subarray(from);
  }
  yield held.subarray(unsaid);
}
