/**
 * A value for a header field: text beyond ASCII in encoded words (RFC 2047), and no line longer than
 * its bounds (§2). Line ends and NULs become spaces, so that no value can begin another field.
 */
export function encodeFieldText(text: string): string {
  const line = text.replace(/[\r\n\0]+[ \t]*/g, " ").trim();
  if (/^[\x20-\x7e\t]*$/.test(line)) return fold(line);
  return Array.from(encodedWords(line)).join("\r\n ");
}

/** Base64 of whole characters, 45 octets a word: with its frame no longer than 75 (RFC 2047 §2). */
function* encodedWords(text: string): Generator<string> {
  const encoder = new TextEncoder();
  let octets: number[] = [];
  for (const character of text.toWellFormed()) {
    const encoded = encoder.encode(character);
    if (octets.length + encoded.length > 45) {
      yield encodedWord(octets);
      octets = [];
    }
    octets.push(...encoded);
  }
  if (octets.length > 0) yield encodedWord(octets);
}

const encodedWord = (octets: readonly number[]): string =>
  `=?UTF-8?B?${btoa(String.fromCharCode(...octets))}?=`;

/** Breaks lines at spaces before they are longer than RFC 5322 §2.1.1 recommends. */
function fold(text: string): string {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(/(?=[ \t][^ \t])/)) {
    if (line !== "" && line.length + word.length > 76) {
      lines.push(line);
      line = word;
    } else line += word;
  }
  lines.push(line);
  // A line of 998 characters at most (§2.1.1): where there is no space, it is cut.
  return lines
    .flatMap((one) => one.match(/.{1,990}/g) ?? [""])
    .join("\r\n ")
    .replace(/\r\n {2}/g, "\r\n ");
}

/** Lines that end with CRLF, whatever they ended with. */
export const crlfLines = (text: string): string => text.replace(/\r\n|\r|\n/g, "\r\n");
