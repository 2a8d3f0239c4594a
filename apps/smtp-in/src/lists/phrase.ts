import { decodeEncodedWords } from "@posthouse/message";

/** Octets in one encoded word: with its frame no longer than 75 (RFC 2047 §2). */
const WORD_BYTES_MAX = 45;

/** A display name (RFC 5322 §3.2.5): quoted, or where it is more than ASCII in encoded words. */
export function phrase(name: string): string {
  const text = decodeEncodedWords(name)
    .toWellFormed()
    .replaceAll(/[\p{Cc}\u2028\u2029]+/gu, " ")
    .trim()
    .slice(0, 200)
    .toWellFormed();
  if (/^[ -~]*$/.test(text)) return `"${text.replaceAll(/["\\]/g, "\\$&")}"`;
  return [...encodedWords(text)].join("\r\n ");
}

/** Whole characters in each. */
function* encodedWords(text: string): Generator<string> {
  let word = "";
  for (const character of text) {
    if (Buffer.byteLength(word + character) > WORD_BYTES_MAX) {
      yield encodedWord(word);
      word = "";
    }
    word += character;
  }
  if (word !== "") yield encodedWord(word);
}

const encodedWord = (word: string): string => `=?UTF-8?B?${Buffer.from(word).toString("base64")}?=`;
