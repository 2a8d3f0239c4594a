/**
 * Between octets and strings. A "binary string" has one character for each octet (U+0000 to U+00FF):
 * header text that is not decoded yet, in which regular expressions and slices still work.
 */

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const utf8Encoder = new TextEncoder();

/** Line feed. */
export const LF = 0x0a;
/** Carriage return. */
export const CR = 0x0d;

/** One character for each octet. */
export function binaryFromOctets(octets: Uint8Array): string {
  return asBuffer(octets).toString("latin1");
}

/** Whether one of them is zero. Looked for as a Buffer does: an array of octets takes twenty times as long. */
export function holdsNul(octets: Uint8Array): boolean {
  return asBuffer(octets).includes(0);
}

/** One octet for each character; the inverse of binaryFromOctets(). */
export function octetsFromBinary(binary: string): Uint8Array<ArrayBuffer> {
  if (isAscii(binary)) return utf8Encoder.encode(binary);
  const octets = new Uint8Array(binary.length);
  for (let at = 0; at < binary.length; at += 1) octets[at] = binary.charCodeAt(at);
  return octets;
}

/** UTF-8 of the text. */
export function octetsFromText(text: string): Uint8Array<ArrayBuffer> {
  return utf8Encoder.encode(text);
}

/** UTF-8 of the text, as a binary string. */
export function binaryFromText(text: string): string {
  return isAscii(text) ? text : binaryFromOctets(octetsFromText(text));
}

/** The text when the octets are UTF-8 (RFC 6532 §3.1), else undefined. */
export function textFromUtf8(octets: Uint8Array): string | undefined {
  try {
    return utf8.decode(octets);
  } catch {
    return undefined;
  }
}

/** UTF-8 where it is that, else one character for each octet: raw 8-bit headers say no charset. */
export function textFromBinary(binary: string): string {
  if (isAscii(binary)) return binary;
  return textFromUtf8(octetsFromBinary(binary)) ?? binary;
}

/** Whether no character is above U+007F. */
export function isAscii(text: string): boolean {
  return !/[^\0-\x7f]/.test(text);
}

/**
 * The octets for somebody who keeps them: copied when they are less than half of the memory that they lie in, since a
 * few octets of what was read from a socket would keep all of it.
 */
export function compactOctets(octets: Uint8Array): Uint8Array {
  return octets.length * 2 >= octets.buffer.byteLength ? octets : new Uint8Array(octets);
}

/** The same octets, with what Node can do to them in native code. */
function asBuffer(octets: Uint8Array): Buffer {
  if (octets instanceof Buffer) return octets;
  return Buffer.from(octets.buffer, octets.byteOffset, octets.byteLength);
}

/** The pieces, one after the other. */
export function concatOctets(pieces: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(pieces.reduce((length, piece) => length + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}
