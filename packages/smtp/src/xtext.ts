/**
 * xtext of RFC 3461 §4: "+", "=" and all but printable US-ASCII as "+HH". Text beyond US-ASCII is
 * encoded by its UTF-8 octets, so that what is decoded here is what was encoded here.
 */
export function encodeXtext(text: string): string {
  let encoded = "";
  for (const octet of Buffer.from(text, "utf8")) {
    const isPlain = octet > 0x20 && octet < 0x7f && octet !== 0x2b && octet !== 0x3d;
    encoded += isPlain
      ? String.fromCharCode(octet)
      : `+${octet.toString(16).toUpperCase().padStart(2, "0")}`;
  }
  return encoded;
}

/** The text, or undefined for what the grammar does not allow and for octets that are not UTF-8. */
export function decodeXtext(encoded: string): string | undefined {
  if (!/^(?:[\x21-\x2a\x2c-\x3c\x3e-\x7e]|\+[0-9A-F]{2})*$/u.test(encoded)) return undefined;
  const octets = encoded.replace(/\+([0-9A-F]{2})/gu, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
  try {
    return strictUtf8.decode(Buffer.from(octets, "latin1"));
  } catch {
    return undefined;
  }
}

const strictUtf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
