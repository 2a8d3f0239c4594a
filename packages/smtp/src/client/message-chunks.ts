import { isAscii } from "node:buffer";

/** The message has octets above 127, and the server is for US-ASCII only (RFC 6152 §3). */
export class EightBitFound extends Error {
  override readonly name = "EightBitFound";
}

/** Passes octets on in pieces of at most `bytesMax`, and stops at the first that is not US-ASCII if asked. */
export async function* piecesOf(
  octets: AsyncIterable<Uint8Array>,
  bytesMax: number,
  isSevenBitOnly: boolean,
): AsyncGenerator<Uint8Array> {
  for await (const chunk of octets) {
    for (let at = 0; at < chunk.length; at += bytesMax) {
      const piece = chunk.subarray(at, at + bytesMax);
      if (isSevenBitOnly && !isAscii(piece)) throw new EightBitFound();
      yield piece;
    }
  }
}

/** One BDAT chunk: its octets in pieces as they came, uncopied. */
export interface MessageChunk {
  readonly pieces: readonly Uint8Array[];
  readonly sizeBytes: number;
  readonly isLast: boolean;
}

/** Gathers pieces into chunks of at most `bytesMax`. The last may be empty, as in RFC 3030 §4.2. */
export async function* chunksOf(
  pieces: AsyncIterable<Uint8Array>,
  bytesMax: number,
): AsyncGenerator<MessageChunk> {
  let gathered: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const piece of pieces) {
    if (sizeBytes + piece.length > bytesMax) {
      yield { pieces: gathered, sizeBytes, isLast: false };
      gathered = [];
      sizeBytes = 0;
    }
    gathered.push(piece);
    sizeBytes += piece.length;
  }
  yield { pieces: gathered, sizeBytes, isLast: true };
}
