import { type MessagePart, PartScanner, scanParts } from "@posthouse/message";
import type { MaybePromise } from "./flow.ts";

/** A message as a script sees it: where its octets are is the business of whoever runs the script. */
export interface MessageSource {
  readonly sizeBytes: number;
  /** The outermost header with its empty line. */
  readonly header: Uint8Array;
  /** Octets from start up to end, which is exclusive. Only what is asked for is held in memory. */
  read(start: number, end: number): MaybePromise<Uint8Array>;
  /** Its parts with offsets into the same octets. Asked for once. */
  parts(): MaybePromise<MessagePart>;
}

/** A piece of a message that was changed: new octets, or a range of the message that came. */
export type MessagePiece = Uint8Array | { readonly start: number; readonly end: number };

/** A message that is in memory. */
export function sourceOfOctets(octets: Uint8Array): MessageSource {
  return {
    sizeBytes: octets.length,
    header: octets.subarray(0, headerEnd(octets)),
    read: (start, end) => octets.subarray(start, end),
    parts: () => scanParts(octets),
  };
}

/** A message put together from pieces of another one. */
export function sourceOfPieces(
  original: MessageSource,
  pieces: readonly MessagePiece[],
  header: Uint8Array,
): MessageSource {
  const sizeBytes = pieces.reduce((sum, piece) => sum + pieceLength(piece), 0);
  const read = async (start: number, end: number): Promise<Uint8Array> =>
    await octetsOfPieces(original, slicePieces(pieces, start, end));
  return {
    sizeBytes,
    header,
    read,
    async parts() {
      const scanner = new PartScanner();
      for (let at = 0; at < sizeBytes; at += scanBytes) {
        scanner.push(await read(at, Math.min(at + scanBytes, sizeBytes)));
      }
      return scanner.end();
    },
  };
}

const scanBytes = 64 * 1024;

export const pieceLength = (piece: MessagePiece): number =>
  piece instanceof Uint8Array ? piece.length : piece.end - piece.start;

/** The pieces of a range, as if all of them were one. */
export function slicePieces(
  pieces: readonly MessagePiece[],
  start: number,
  end: number,
): MessagePiece[] {
  const slices: MessagePiece[] = [];
  let at = 0;
  for (const piece of pieces) {
    const length = pieceLength(piece);
    const from = Math.max(start - at, 0);
    const to = Math.min(end - at, length);
    if (from < to) {
      slices.push(
        piece instanceof Uint8Array
          ? piece.subarray(from, to)
          : { start: piece.start + from, end: piece.start + to },
      );
    }
    at += length;
  }
  return slices;
}

async function octetsOfPieces(
  original: MessageSource,
  pieces: readonly MessagePiece[],
): Promise<Uint8Array> {
  const read: Uint8Array[] = [];
  for (const piece of pieces) {
    read.push(piece instanceof Uint8Array ? piece : await original.read(piece.start, piece.end));
  }
  return concat(read);
}

export function concat(pieces: readonly Uint8Array[]): Uint8Array {
  const [only] = pieces;
  if (pieces.length === 1 && only !== undefined) return only;
  const whole = new Uint8Array(pieces.reduce((length, piece) => length + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}

/** After the empty line that ends a header; all of it where there is none. */
export function headerEnd(octets: Uint8Array): number {
  let start = 0;
  while (start < octets.length) {
    const newline = octets.indexOf(0x0a, start);
    if (newline === -1) return octets.length;
    const isEmpty = newline === start || (newline === start + 1 && octets[start] === 0x0d);
    start = newline + 1;
    if (isEmpty) return start;
  }
  return octets.length;
}
