import { beginsWithHeader } from "@posthouse/smtp";
import { CommandFailure } from "../command-failure.ts";
import { sysexits } from "../unix-mail/sysexits.ts";

/** More than smtp-in looks at, and more than any program writes. */
const HEADER_BYTES_MAX = 256 * 1024;

const HEADER_END = Buffer.from("\r\n\r\n");
const LINE_END = HEADER_END.subarray(2);

export interface HeaderAndBody {
  /** Whole lines, without the empty one; empty when the message has no header. */
  readonly header: Buffer;
  /** With the empty line before it. */
  readonly body: AsyncIterable<Uint8Array>;
}

/**
 * Reads the header, and leaves the body to be streamed. A message that is all text has no header, and
 * one that ends in its header no body.
 *
 * @throws CommandFailure
 */
export async function readHeader(octets: AsyncIterable<Uint8Array>): Promise<HeaderAndBody> {
  const chunks = octets[Symbol.asyncIterator]();
  let head: Buffer = Buffer.alloc(0);
  let end = -1;
  while (end < 0) {
    const { done, value } = await chunks.next();
    if (done === true) break;
    head = Buffer.concat([head, value]);
    end = endOfHeader(head);
    if (end > HEADER_BYTES_MAX || (end < 0 && head.length > HEADER_BYTES_MAX)) {
      if (!beginsWithHeader(head)) break;
      throw new CommandFailure(`The header is longer than ${HEADER_BYTES_MAX} octets`, {
        exitCode: sysexits.dataErr,
      });
    }
  }
  if (!beginsWithHeader(head)) {
    return { header: Buffer.alloc(0), body: after([LINE_END, head], chunks) };
  }
  if (end >= 0) return { header: head.subarray(0, end), body: after([head.subarray(end)], chunks) };
  const isWholeLine = head.length === 0 || head.subarray(-LINE_END.length).equals(LINE_END);
  const header = isWholeLine ? head : Buffer.concat([head, LINE_END]);
  return { header, body: after([LINE_END], chunks) };
}

/** Where the empty line begins; -1 when it has not come yet. */
function endOfHeader(head: Buffer): number {
  if (head.subarray(0, LINE_END.length).equals(LINE_END)) return 0;
  const at = head.indexOf(HEADER_END);
  return at < 0 ? -1 : at + LINE_END.length;
}

async function* after(
  pieces: readonly Buffer[],
  chunks: AsyncIterator<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  yield* pieces;
  for (;;) {
    const { done, value } = await chunks.next();
    if (done === true) return;
    yield value;
  }
}
