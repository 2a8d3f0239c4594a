import type { Envelope } from "../envelope.ts";
import type { DsnAction, DsnOriginal } from "./dsn.ts";
import { dsnLimits } from "./limits.ts";

/** The header of the original, which is needed first, and the octets behind it, not read yet. */
export interface ReturnedMessage extends AsyncDisposable {
  readonly header: Buffer;
  /** Goes on where `header` ends, blank line included. */
  rest(): AsyncGenerator<Uint8Array>;
}

/** Reads a message up to the end of its header. A header without end is cut at a line's end. */
export async function readHeader(octets: DsnOriginal["octets"]): Promise<ReturnedMessage> {
  const chunks = chunksOf(octets);
  let read: Buffer = Buffer.alloc(0);
  while (headerEndOf(read) === undefined && read.length <= dsnLimits.headerBytesMax) {
    const next = await chunks.next();
    if (next.done === true) break;
    read = Buffer.concat([read, next.value]);
  }
  const end = headerEndOf(read) ?? cutAt(read);
  return {
    header: read.subarray(0, end),
    async *rest() {
      yield read.subarray(end);
      yield* chunks;
    },
    async [Symbol.asyncDispose]() {
      await chunks.return(undefined);
    },
  };
}

/** RFC 3461 §6.2: the whole message only to tell of a failure, when it was asked for, and not above a size. */
export function isWholeReturned(
  kind: DsnAction,
  envelope: Envelope,
  { ret = envelope.ret, sizeBytes }: DsnOriginal,
): boolean {
  if (kind !== "failed" || ret === "HDRS" || sizeBytes === undefined) return false;
  // RFC 3030 §3: binary octets cannot stand inside a message of lines.
  if (envelope.body === "BINARYMIME") return false;
  const bytesMax =
    ret === "FULL" ? dsnLimits.requestedMessageBytesMax : dsnLimits.wholeMessageBytesMax;
  return sizeBytes <= bytesMax;
}

async function* chunksOf(octets: DsnOriginal["octets"]): AsyncGenerator<Uint8Array> {
  if (octets instanceof Uint8Array) yield octets;
  else yield* octets;
}

/** Just behind the CRLF of the last header line. */
function headerEndOf(read: Buffer): number | undefined {
  if (read.subarray(0, 2).equals(CRLF)) return 0;
  const at = read.indexOf("\r\n\r\n");
  return at < 0 || at + 2 > dsnLimits.headerBytesMax ? undefined : at + 2;
}

function cutAt(read: Buffer): number {
  const within = read.subarray(0, dsnLimits.headerBytesMax);
  if (within.length === read.length) return read.length;
  const lineEnd = within.lastIndexOf("\r\n");
  return lineEnd < 0 ? 0 : lineEnd + 2;
}

const CRLF = Buffer.from("\r\n");
