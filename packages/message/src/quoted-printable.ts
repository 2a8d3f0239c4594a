import { heldSpaceBytesMax } from "./limits.ts";
import { CR, concatOctets, LF } from "./octets.ts";

const EQUALS = 0x3d;
const SPACE = 0x20;
const TAB = 0x09;

/**
 * Quoted-printable in pieces (RFC 2045 §6.7). White space at the end of a line was added on the way
 * and is dropped; "=" at the end of a line joins it with the next; "=" before anything else than two
 * hexadecimal digits stands for itself, as that section suggests.
 *
 * What cannot be decided yet - white space, "=" and its first digit, a CR - waits in `#held` for the
 * next piece.
 */
export class QuotedPrintableDecoder {
  #held: Uint8Array<ArrayBufferLike> = new Uint8Array(0);

  /** The octets that are certain with these. */
  push(encoded: Uint8Array): Uint8Array<ArrayBuffer> {
    const octets = this.#held.length === 0 ? encoded : concatOctets([this.#held, encoded]);
    const end = octets.length - undecidedBytes(octets);
    this.#held = octets.slice(end);
    return decoded(octets.subarray(0, end), false);
  }

  /** The octets that were waiting. */
  end(): Uint8Array<ArrayBuffer> {
    const octets = this.#held;
    this.#held = new Uint8Array(0);
    return decoded(octets, true);
  }
}

/** Octets at the end whose meaning depends on what follows them. */
function undecidedBytes(octets: Uint8Array): number {
  let start = octets.length;
  const last = octets[start - 1];
  if (last === CR) start -= 1;
  while (octets.length - start < heldSpaceBytesMax && isSpace(octets[start - 1])) start -= 1;
  if (octets[start - 1] === EQUALS) return octets.length - start + 1;
  if (start === octets.length && octets[start - 2] === EQUALS && hexValue(last) !== undefined)
    return 2;
  return octets.length - start;
}

/** `octets` end where a decision is certain, or the text ends. */
function decoded(octets: Uint8Array, isLast: boolean): Uint8Array<ArrayBuffer> {
  const output = new Uint8Array(octets.length);
  let length = 0;
  let at = 0;
  while (at < octets.length) {
    const octet = octets[at] as number;
    const next = octet === EQUALS ? afterEquals(octets, at, isLast) : undefined;
    if (next !== undefined) {
      if (next.octet !== undefined) {
        output[length] = next.octet;
        length += 1;
      }
      at = next.end;
      continue;
    }
    const spaceEnd = isSpace(octet) ? endOfSpace(octets, at) : at;
    if (spaceEnd > at) {
      const isAtLineEnd = spaceEnd === octets.length ? isLast : isLineEnd(octets, spaceEnd);
      if (!isAtLineEnd) {
        output.set(octets.subarray(at, spaceEnd), length);
        length += spaceEnd - at;
      }
      at = spaceEnd;
      continue;
    }
    output[length] = octet;
    length += 1;
    at += 1;
  }
  return output.subarray(0, length);
}

interface Escaped {
  readonly end: number;
  /** None for a soft line break. */
  readonly octet?: number;
}

/** What "=" begins here; undefined when it stands for itself. */
function afterEquals(octets: Uint8Array, at: number, isLast: boolean): Escaped | undefined {
  const high = hexValue(octets[at + 1]);
  const low = hexValue(octets[at + 2]);
  if (high !== undefined && low !== undefined) return { end: at + 3, octet: high * 16 + low };
  const end = endOfSpace(octets, at + 1);
  // What was held back after it cannot be decoded with it, unless the text ends here.
  if (end === octets.length) return isLast ? { end } : undefined;
  if (!isLineEnd(octets, end)) return undefined;
  return { end: octets[end] === LF ? end + 1 : end + 2 };
}

function endOfSpace(octets: Uint8Array, start: number): number {
  let end = start;
  while (isSpace(octets[end])) end += 1;
  return end;
}

function isLineEnd(octets: Uint8Array, at: number): boolean {
  return octets[at] === LF || (octets[at] === CR && octets[at + 1] === LF);
}

function isSpace(octet: number | undefined): boolean {
  return octet === SPACE || octet === TAB;
}

/** Lower case is not legal, and common. */
function hexValue(octet: number | undefined): number | undefined {
  if (octet === undefined) return undefined;
  if (octet >= 0x30 && octet <= 0x39) return octet - 0x30;
  const letter = octet & ~0x20;
  return letter >= 0x41 && letter <= 0x46 ? letter - 0x41 + 10 : undefined;
}
