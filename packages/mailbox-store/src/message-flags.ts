import { keywordIndexOfLetter } from "./maildir/keyword-list.ts";
import { infoLetters } from "./maildir/maildir-name.ts";
import { type SystemFlag, systemFlagBits } from "./types.ts";

/** Letters of maildir(5) for system flags. `P` (passed) and whatever else is there are kept as they are. */
const bitOfLetter: ReadonlyMap<string, number> = new Map([
  ["D", systemFlagBits["\\Draft"]],
  ["F", systemFlagBits["\\Flagged"]],
  ["R", systemFlagBits["\\Answered"]],
  ["S", systemFlagBits["\\Seen"]],
  ["T", systemFlagBits["\\Deleted"]],
]);

/** What the letters of an info part say. */
export interface LetterFlags {
  readonly systemFlags: number;
  /** Places in the mailbox's list of keywords. */
  readonly keywordIndexes: readonly number[];
}

export function flagsOfInfo(info: string): LetterFlags {
  let systemFlags = 0;
  const keywordIndexes: number[] = [];
  for (const letter of infoLetters(info)) {
    systemFlags |= bitOfLetter.get(letter) ?? 0;
    const keyword = keywordIndexOfLetter(letter);
    if (keyword !== undefined && !keywordIndexes.includes(keyword)) keywordIndexes.push(keyword);
  }
  return { systemFlags, keywordIndexes };
}

/**
 * The info part for these flags. Letters of `before` that stand for nothing we know are kept; letters
 * are sorted, as maildir(5) asks.
 */
export function infoOfFlags(
  before: string,
  systemFlags: number,
  keywordLetters: readonly string[],
  isKnownKeywordLetter: (letter: string) => boolean,
): string {
  const letters = new Set(
    infoLetters(before)
      .split("")
      .filter((letter) => !bitOfLetter.has(letter) && !isKnownKeywordLetter(letter)),
  );
  for (const [letter, bit] of bitOfLetter) if ((systemFlags & bit) !== 0) letters.add(letter);
  for (const letter of keywordLetters) letters.add(letter);
  return `:2,${[...letters].sort().join("")}`;
}

export function bitsOfSystemFlags(flags: readonly SystemFlag[]): number {
  return flags.reduce((bits, flag) => bits | systemFlagBits[flag], 0);
}
