/**
 * `dovecot-keywords`, which Dovecot reads and writes too: one line for each letter a to z that stands
 * for a keyword in file names, `0 $Forwarded` for `a`, `1 todo` for `b`.
 */
export type KeywordList = readonly (string | undefined)[];

export const keywordLettersMax = 26;

/** Never throws; lines that make no sense are left out. The index in the result is the letter. */
export function parseKeywordList(octets: Buffer): KeywordList {
  const keywords: (string | undefined)[] = [];
  for (const line of octets.toString("utf8").split("\n")) {
    const match = /^(\d{1,2}) (.+)$/.exec(line);
    const letter = Number(match?.[1] ?? keywordLettersMax);
    if (letter >= keywordLettersMax) continue;
    while (keywords.length <= letter) keywords.push(undefined);
    keywords[letter] = match?.[2];
  }
  return keywords;
}

export function formatKeywordList(keywords: KeywordList): string {
  return keywords
    .map((keyword, letter) => (keyword === undefined ? "" : `${letter} ${keyword}\n`))
    .join("");
}

/** `a` is 0; undefined for every other character. */
export function keywordIndexOfLetter(letter: string): number | undefined {
  const index = letter.charCodeAt(0) - 0x61;
  return letter.length === 1 && index >= 0 && index < keywordLettersMax ? index : undefined;
}

export function letterOfKeywordIndex(index: number): string | undefined {
  return index < keywordLettersMax ? String.fromCharCode(0x61 + index) : undefined;
}
