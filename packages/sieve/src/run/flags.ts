import { limits } from "../limits.ts";

const systemFlags: ReadonlyMap<string, string> = new Map(
  ["\\Seen", "\\Answered", "\\Flagged", "\\Deleted", "\\Draft"].map((flag) => [
    flag.toLowerCase(),
    flag,
  ]),
);

/** An atom of IMAP, which a keyword is (RFC 9051 §9). */
const keyword = /^[!#$&'+-Z^-z|}~]+$/;

/**
 * The flags of a list whose strings may hold several; those that are none, or that nobody can set as
 * \Recent, are left out, and of two that differ in case only one stays (RFC 5232 §2).
 */
export function parseFlags(lists: readonly string[]): readonly string[] {
  const flags = new Map<string, string>();
  for (const list of lists) {
    for (const word of list.split(" ")) {
      const flag = word.startsWith("\\") ? systemFlags.get(word.toLowerCase()) : keywordOf(word);
      if (flag === undefined || flags.size >= limits.flagsMax) continue;
      if (!flags.has(flag.toLowerCase())) flags.set(flag.toLowerCase(), flag);
    }
  }
  return [...flags.values()];
}

export function withoutFlags(flags: readonly string[], removed: readonly string[]): string[] {
  const names = new Set(removed.map((flag) => flag.toLowerCase()));
  return flags.filter((flag) => !names.has(flag.toLowerCase()));
}

function keywordOf(word: string): string | undefined {
  return word.length <= limits.flagCharactersMax && keyword.test(word) ? word : undefined;
}
