import { isAscii } from "../octets.ts";

/**
 * The key under which i;unicode-casemap (RFC 5051 §2) compares a text: each character in its title case,
 * then taken apart. Letters with and without case come out equal, and accents follow their letter.
 */
export function unicodeCasemap(text: string): string {
  if (isAscii(text)) return text.toUpperCase();
  let titled = "";
  for (const character of text) titled += titleCase(character);
  return titled.normalize("NFKD");
}

/**
 * The order of i;unicode-casemap between two of its keys, which is that of their UTF-8 octets (RFC 5051
 * §2). Strings of this language compare by UTF-16, which puts what is above U+FFFF before U+E000.
 */
export function compareCasemapped(one: string, other: string): number {
  if (one === other) return 0;
  const length = Math.min(one.length, other.length);
  for (let at = 0; at < length; at += 1) {
    const [a, b] = [one.charCodeAt(at), other.charCodeAt(at)];
    if (a === b) continue;
    return inUtf8Order(a) - inUtf8Order(b);
  }
  return one.length - other.length;
}

/** A half of what is above U+FFFF counts as more than any other code unit. */
function inUtf8Order(codeUnit: number): number {
  return codeUnit >= 0xd800 && codeUnit <= 0xdfff ? codeUnit + 0x10000 : codeUnit;
}

/**
 * Field 14 of UnicodeData.txt: one character for one. It is the upper case, but for letters that have
 * three cases, for Georgian, which has no title case, and where the upper case is several letters.
 */
function titleCase(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  const ofThree = threeCases.get(code);
  if (ofThree !== undefined) return ofThree;
  if (code >= 0x10d0 && code <= 0x10ff) return character;
  const withIota = iotaSubscript(code);
  if (withIota !== undefined) return String.fromCodePoint(withIota);
  const upper = character.toUpperCase();
  return upper.length === character.length ? upper : character;
}

/** Letters that are written as two: of DŽ, Dž and dž the second is for titles. */
const threeCases: ReadonlyMap<number, string> = new Map(
  [0x01c5, 0x01c8, 0x01cb, 0x01f2].flatMap((title) =>
    [title - 1, title, title + 1].map((code) => [code, String.fromCodePoint(title)] as const),
  ),
);

/** Greek with an iota below, whose upper case in full writes the iota beside it. */
function iotaSubscript(code: number): number | undefined {
  if (code >= 0x1f80 && code <= 0x1faf) return code | 8;
  return code === 0x1fb3 || code === 0x1fc3 || code === 0x1ff3 ? code + 9 : undefined;
}
