import { encodeXtext } from "./xtext.ts";

/**
 * ORCPT as an envelope keeps it, `rfc822;ann@example.org`, made fit for the wire (RFC 3461 §4.2).
 *
 * An address beyond US-ASCII has the type utf-8 and its own escapes, which any server can take
 * (RFC 6533 §3, utf-8-addr-xtext). Undefined when there is no type, or when it would be longer than
 * other hosts have to take.
 */
export function encodeOrcpt(orcpt: string): string | undefined {
  const parts = splitOrcpt(orcpt);
  if (parts === undefined) return undefined;
  const { type, address } = parts;
  const isUtf8 = type.toLowerCase() === "utf-8" || !/^\p{ASCII}*$/u.test(address);
  const encoded = isUtf8 ? `utf-8;${encodeUnitext(address)}` : `${type};${encodeXtext(address)}`;
  return encoded.length <= ORCPT_CHARACTERS_MAX ? encoded : undefined;
}

/** RFC 3461 §4.2. */
const ORCPT_CHARACTERS_MAX = 500;

/** The address type and the address, whose utf-8 escapes are undone. */
export function splitOrcpt(orcpt: string): { type: string; address: string } | undefined {
  const match = /^([A-Za-z0-9-]+);(.+)$/su.exec(orcpt);
  if (match?.[1] === undefined || match[2] === undefined) return undefined;
  const isUtf8 = match[1].toLowerCase() === "utf-8";
  return { type: match[1], address: isUtf8 ? decodeUnitext(match[2]) : match[2] };
}

// RFC 6533 §3, EmbeddedUnicodeChar: all beyond printable US-ASCII, and SP, "\", "+" and "=".
export function encodeUnitext(text: string): string {
  return text.toWellFormed().replace(/[^\x21-\x7e]|[\\+=]/gu, (character) => {
    const hex = (character.codePointAt(0) ?? 0).toString(16).toUpperCase();
    return `\\x{${hex.padStart(2, "0")}}`;
  });
}

function decodeUnitext(text: string): string {
  return text.replace(/\\x\{([0-9A-F]{2,6})\}/gu, (escaped, hex: string) => {
    const codePoint = Number.parseInt(hex, 16);
    const isCharacter = codePoint <= 0x10ffff && !(codePoint >= 0xd800 && codePoint <= 0xdfff);
    return isCharacter ? String.fromCodePoint(codePoint) : escaped;
  });
}
