/** Text from outside in one line: it cannot begin a field of its own. */
export const oneLine = (text: string): string =>
  text
    .toWellFormed()
    .replace(/[\p{Cc}\u2028\u2029]+/gu, " ")
    .trim();

/** For a place where only US-ASCII may stand. */
export const asciiOnly = (text: string): string => text.replace(/[^\p{ASCII}]/gu, "?");

export const isAscii = (text: string): boolean => /^\p{ASCII}*$/u.test(text);

const LINE_CHARACTERS = 76;

/** One field, folded before a word where it gets too long (RFC 5322 §2.2.3). */
export function field(name: string, value: string): string {
  return `${wrap(`${name}: ${oneLine(value)}`, " ")}\r\n`;
}

/** Words in lines of at most 76 characters; a single word over 900 octets is cut (RFC 5322 §2.1.1). */
export function wrap(text: string, indent = "", firstIndent = ""): string {
  const lines: string[] = [];
  let line = firstIndent;
  let words = 0;
  for (const word of text.split(" ").flatMap(cutLongWord)) {
    if (words > 0 && line.length + 1 + word.length > LINE_CHARACTERS) {
      lines.push(line);
      line = indent + word;
    } else line += words === 0 ? word : ` ${word}`;
    words += 1;
  }
  return [...lines, line].join("\r\n");
}

/** 300 characters are at most 900 octets of UTF-8, counting each half of a pair as one. */
const cutLongWord = (word: string): string[] =>
  word.length <= 300 ? [word] : (word.match(/.{1,150}/gsu) ?? []);
