import { PartScanner } from "@posthouse/message";
import type { MessagePiece, MessageSource } from "@posthouse/sieve";
import type { MessageSpool } from "@posthouse/smtp";

/** As many octets of a header as a script is shown; the scanner of parts reads as many. */
const headerBytesMax = 256 * 1024;

/** The message that came, for scripts: parts are looked for once, however many recipients there are. */
export function spoolSource(spool: MessageSpool): Promise<MessageSource> {
  return sourceOf(spool, () => scan(spool));
}

/** A message that lies somewhere, of which only what is asked for is read. */
export async function sourceOf(
  message: Pick<MessageSpool, "range" | "sizeBytes">,
  readParts: MessageSource["parts"],
): Promise<MessageSource> {
  const head = await message.range(0, headerBytesMax);
  let parts: ReturnType<MessageSource["parts"]> | undefined;
  return {
    sizeBytes: message.sizeBytes,
    header: head.subarray(0, endOfHeader(head)),
    read: (start, end) => message.range(start, end),
    parts() {
      parts ??= readParts();
      return parts;
    },
  };
}

async function scan(spool: MessageSpool) {
  const scanner = new PartScanner();
  for await (const octets of spool.octets()) scanner.push(octets);
  return scanner.end();
}

function endOfHeader(head: Buffer): number {
  if (head.subarray(0, 2).equals(Buffer.from("\r\n"))) return 2;
  const end = head.indexOf("\r\n\r\n");
  return end === -1 ? head.length : end + 4;
}

const readBytes = 128 * 1024;

/** `before`, then the pieces of a message as a script left it. */
export async function* octetsOfPieces(
  spool: Pick<MessageSpool, "range">,
  pieces: readonly MessagePiece[],
  before: Uint8Array = new Uint8Array(),
): AsyncGenerator<Uint8Array> {
  if (before.length > 0) yield before;
  for (const piece of pieces) {
    if (piece instanceof Uint8Array) yield piece;
    else {
      for (let at = piece.start; at < piece.end; at += readBytes) {
        yield await spool.range(at, Math.min(at + readBytes, piece.end));
      }
    }
  }
}

export const sizeOfPieces = (pieces: readonly MessagePiece[]): number =>
  pieces.reduce(
    (sum, piece) => sum + (piece instanceof Uint8Array ? piece.length : piece.end - piece.start),
    0,
  );
