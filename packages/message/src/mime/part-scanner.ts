import { BoundedBuffer } from "../bounded-buffer.ts";
import { headerBytesMax, lineHeadBytes } from "../limits.ts";
import type { MessagePart } from "../message-part.ts";
import { CR, holdsNul, LF } from "../octets.ts";
import { PartTreeBuilder } from "./part-tree-builder.ts";

/** How a PartScanner counts. */
export interface PartScannerOptions {
  /**
   * "crlf" (the default) counts octets as they are. "lf" is for files that other programs wrote: a
   * lone LF counts as the CRLF that it is served as.
   */
  readonly lineEnds?: "crlf" | "lf";
}

/**
 * Finds the parts of a message while it comes in, in pieces of any size.
 *
 * A message is lines, and only two kinds of them matter: those of a header, and those that begin
 * with "--" and may end a part. All others are only counted. So memory is bound by one header, the
 * head of one line, and the tree. Searching whole pieces for the boundaries instead looks faster,
 * but lines must be counted anyhow, and a lone LF shifts all offsets after it.
 */
export class PartScanner {
  readonly #countsLfAsCrlf: boolean;
  readonly #tree = new PartTreeBuilder();
  /** The line whose end has not come yet; header lines are kept whole, of others the head. */
  readonly #heldHeaderLine = new BoundedBuffer(headerBytesMax);
  readonly #heldBodyLine = new BoundedBuffer(lineHeadBytes);
  #lastOctet = 0;
  #hasNul = false;
  #hasLoneLf = false;

  constructor(options: PartScannerOptions = {}) {
    this.#countsLfAsCrlf = options.lineEnds === "lf";
  }

  /**
   * The outermost header with its empty line, whole lines with CRLF; at most headerBytesMax octets.
   * What imapEnvelope(), headerValue() and parseHeader() need without reading the message again.
   */
  get header(): Uint8Array {
    return this.#tree.outerHeader;
  }

  /** Octets so far, in the form that offsets count. */
  get sizeBytes(): number {
    return this.#tree.offset + this.#held.lengthBytes;
  }

  /** Whether a NUL was seen: refused outside BINARYMIME and literal8. */
  get hasNul(): boolean {
    return this.#hasNul;
  }

  /** Whether a line ended with LF alone. */
  get hasLoneLf(): boolean {
    return this.#hasLoneLf;
  }

  /** Takes the next octets, and keeps no reference to them. */
  push(octets: Uint8Array): void {
    this.#hasNul ||= holdsNul(octets);
    let start = 0;
    while (start < octets.length) {
      const newline = endOfText(octets, start);
      if (newline === octets.length) this.#hold(octets.subarray(start));
      else if (this.#held.lengthBytes === 0) this.#line(octets, start, newline);
      else this.#endHeld(octets.subarray(start, newline));
      start = newline + 1;
    }
  }

  /** The outermost part, when all octets have been pushed. */
  end(): MessagePart {
    const held = this.#held;
    const { octets, lengthBytes } = held;
    if (lengthBytes > 0) this.#tree.line(octets, 0, octets.length, lengthBytes, 0);
    held.clear();
    return this.#tree.end();
  }

  get #held(): BoundedBuffer {
    return this.#tree.isInHeader ? this.#heldHeaderLine : this.#heldBodyLine;
  }

  #hold(piece: Uint8Array): void {
    this.#held.push(piece);
    this.#lastOctet = piece[piece.length - 1] as number;
  }

  #endHeld(rest: Uint8Array): void {
    const held = this.#held;
    if (rest.length > 0) this.#hold(rest);
    const isCrlf = this.#lastOctet === CR;
    const textBytes = held.lengthBytes - (isCrlf ? 1 : 0);
    const { octets } = held;
    // Before the line is taken: it may end the header, and then the other buffer holds.
    held.clear();
    this.#tree.line(
      octets,
      0,
      Math.min(octets.length, textBytes),
      textBytes,
      this.#lineEndBytes(isCrlf),
    );
  }

  #line(octets: Uint8Array, start: number, newline: number): void {
    const isCrlf = newline > start && octets[newline - 1] === CR;
    const end = isCrlf ? newline - 1 : newline;
    this.#tree.line(octets, start, end, end - start, this.#lineEndBytes(isCrlf));
  }

  #lineEndBytes(isCrlf: boolean): number {
    this.#hasLoneLf ||= !isCrlf;
    return isCrlf || this.#countsLfAsCrlf ? 2 : 1;
  }
}

/** A call of indexOf() costs as much as looking at this many octets here. */
const shortLineBytes = 24;

/** Where the next line feed is, or the length. */
function endOfText(octets: Uint8Array, start: number): number {
  const near = Math.min(start + shortLineBytes, octets.length);
  for (let at = start; at < near; at += 1) if (octets[at] === LF) return at;
  const newline = octets.indexOf(LF, near);
  return newline === -1 ? octets.length : newline;
}

/** The parts of a message that is in memory. */
export function scanParts(octets: Uint8Array, options: PartScannerOptions = {}): MessagePart {
  const scanner = new PartScanner(options);
  scanner.push(octets);
  return scanner.end();
}
