/** Text as one word of a plain file: what would end or hide it is written as %XX of its UTF-8. */
export function encodeWord(text: string): string {
  return text.replace(/[^\x21-\x7e]|%/gu, (character) =>
    [...Buffer.from(character)]
      .map((octet) => `%${octet.toString(16).toUpperCase().padStart(2, "0")}`)
      .join(""),
  );
}

/** Never throws; octets that are no UTF-8 become U+FFFD, which isEncodedWord() tells before. */
export function decodeWord(word: string): string {
  const octets = word.replace(/%([0-9A-F]{2})/g, (_whole, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
  return Buffer.from(octets, "latin1").toString("utf8");
}

/** Whether encodeWord() would have written it just so. */
export function isEncodedWord(word: string): boolean {
  return encodeWord(decodeWord(word)) === word;
}
