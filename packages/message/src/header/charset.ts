import iconv from "iconv-lite";
import { heldLineBytesMax } from "../limits.ts";
import { binaryFromOctets, concatOctets, LF, textFromUtf8 } from "../octets.ts";
import { ShiftFilter } from "./iso-2022-jp.ts";

/** Text of octets that come in pieces of any size. */
export interface CharsetDecoder {
  /** The characters that are complete with these. */
  push(octets: Uint8Array): string;
  /** What was waiting for more. */
  end(): string;
}

/**
 * Text of octets in a charset by its MIME name. A charset that nobody here knows is read as UTF-8 where
 * it is that, else one character for each octet: never an error, never lost octets.
 */
export function decodeCharset(octets: Uint8Array, charset: string): string {
  const decoder = knownDecoder(charset);
  if (decoder === undefined) return textOfUnknown(octets);
  return decoder.push(octets) + decoder.end();
}

/**
 * The same for a body that comes in pieces. Where the charset is not known, or is said to be US-ASCII and
 * octets above 127 come all the same, each line is UTF-8 where it is that, else one character an octet.
 */
export function charsetDecoder(charset: string): CharsetDecoder {
  const name = charset.toLowerCase();
  // WHATWG reads us-ascii as windows-1252; of what is not ASCII in it nowadays most is UTF-8.
  const isKnown = name !== "us-ascii" && name !== "ascii" && name !== "";
  return (isKnown ? knownDecoder(name) : undefined) ?? new LineByLineDecoder();
}

/** The platform's first: it has what senders use, and ISO-2022-JP. The library has UTF-7 and code pages. */
function knownDecoder(charset: string): CharsetDecoder | undefined {
  try {
    return new PlatformDecoder(charset);
  } catch {
    if (!isLibraryCharset(charset)) return undefined;
    const decoder = new LibraryDecoder(charset);
    return /utf-?7$/i.test(charset) ? new WholeShifts(decoder) : decoder;
  }
}

class PlatformDecoder implements CharsetDecoder {
  readonly #decoder: InstanceType<typeof TextDecoder>;
  readonly #shifts: ShiftFilter | undefined;

  constructor(charset: string) {
    this.#decoder = new TextDecoder(charset, { ignoreBOM: true });
    this.#shifts = this.#decoder.encoding === "iso-2022-jp" ? new ShiftFilter() : undefined;
  }

  push(octets: Uint8Array): string {
    return this.#decoder.decode(this.#shifts?.push(octets) ?? octets, { stream: true });
  }

  end(): string {
    return this.#decoder.decode(this.#shifts?.end());
  }
}

class LibraryDecoder implements CharsetDecoder {
  readonly #decoder: ReturnType<typeof iconv.getDecoder>;

  constructor(charset: string) {
    this.#decoder = iconv.getDecoder(charset, { stripBOM: false });
  }

  push(octets: Uint8Array): string {
    return this.#decoder.write(Buffer.from(octets.buffer, octets.byteOffset, octets.length));
  }

  end(): string {
    return this.#decoder.end() ?? "";
  }
}

/**
 * UTF-7 (RFC 2152): the library loses a character where a piece ends within a run of base64, so that such a
 * run is held until it is whole.
 */
class WholeShifts implements CharsetDecoder {
  readonly #decoder: CharsetDecoder;
  #held: Uint8Array<ArrayBufferLike> = new Uint8Array(0);

  constructor(decoder: CharsetDecoder) {
    this.#decoder = decoder;
  }

  push(octets: Uint8Array): string {
    const all = this.#held.length === 0 ? octets : concatOctets([this.#held, octets]);
    const start = openShiftIn(all);
    const cut = all.length - start > heldLineBytesMax ? all.length : start;
    this.#held = all.slice(cut);
    return this.#decoder.push(all.subarray(0, cut));
  }

  end(): string {
    return this.#decoder.push(this.#held) + this.#decoder.end();
  }
}

/** Where the run of base64 begins that may go on behind these octets; their end when none does. */
function openShiftIn(octets: Uint8Array): number {
  let start = octets.length;
  while (start > 0 && /[A-Za-z0-9+/]/.test(String.fromCharCode(octets[start - 1] ?? 0))) start -= 1;
  const plus = octets.indexOf(0x2b, start);
  return plus < 0 ? octets.length : plus;
}

/** Its names for base64, hex and the like are no charsets; the library throws on some hostile names. */
function isLibraryCharset(charset: string): boolean {
  try {
    return (
      /^(?:x-|cs)?(?:utf-?7|utf-?32(?:le|be)?|unicode-1-1-utf-7|cp-?\d{3,5}|ibm-?\d{3,5}|mac[a-z]+|iso-?\d{3,5}.*|tis-?620|viscii|tcvn|armscii8|koi8-?[a-z]+|georgian.*|rk1048|pt154|hproman8|big5.*|gb\w+|shift_?jis|euc-?\w+)$/i.test(
        charset,
      ) && iconv.encodingExists(charset)
    );
  } catch {
    return false;
  }
}

/** Lines are what a text of unknown charset is decided by; one without an end is cut. */
class LineByLineDecoder implements CharsetDecoder {
  #held: Uint8Array<ArrayBufferLike> = new Uint8Array(0);

  push(octets: Uint8Array): string {
    let text = "";
    let rest = this.#held.length === 0 ? octets : concatOctets([this.#held, octets]);
    const linesEnd = rest.lastIndexOf(LF) + 1;
    text += linesOf(rest.subarray(0, linesEnd));
    rest = rest.subarray(linesEnd);
    while (rest.length > heldLineBytesMax) {
      const cut = cutOfLine(rest);
      text += textOfUnknown(rest.subarray(0, cut));
      rest = rest.subarray(cut);
    }
    this.#held = rest.slice();
    return text;
  }

  end(): string {
    const octets = this.#held;
    this.#held = new Uint8Array(0);
    return textOfUnknown(octets);
  }
}

/** All at once where all is UTF-8, as it nearly always is. */
function linesOf(octets: Uint8Array): string {
  const whole = textFromUtf8(octets);
  if (whole !== undefined) return whole;
  let text = "";
  for (let start = 0; start < octets.length; ) {
    const line = octets.subarray(start, octets.indexOf(LF, start) + 1);
    const cut = line.length > heldLineBytesMax ? cutOfLine(line) : line.length;
    text += textOfUnknown(line.subarray(0, cut));
    start += cut;
  }
  return text;
}

/** Not within a character of UTF-8, so that each piece is decided as the whole line would be. */
function cutOfLine(line: Uint8Array): number {
  let cut = heldLineBytesMax;
  while (cut > heldLineBytesMax - 4 && ((line[cut] ?? 0) & 0xc0) === 0x80) cut -= 1;
  return cut;
}

function textOfUnknown(octets: Uint8Array): string {
  return textFromUtf8(octets) ?? binaryFromOctets(octets);
}
