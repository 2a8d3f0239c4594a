import { isRestoreName, reachesRestore } from "../mailboxes/restore-name.ts";
import { isSharedName } from "../mailboxes/shared-name.ts";

/**
 * The patterns of LIST and LSUB, RFC 3501 §6.3.8: `*` is anything, `%` anything within one level.
 *
 * Matching follows all possibilities at once, one character of the name after the other. A regular
 * expression would be shorter, and `%a%a%a%a%a` would stop the server.
 */
export class ListPattern {
  readonly #pattern: string;
  readonly #separator: "/" | ".";

  constructor(pattern: string, separator: "/" | "." = "/") {
    this.#separator = separator;
    // Neighbouring wildcards are one; with a "*" among them the others add nothing.
    this.#pattern = pattern
      .normalize("NFC")
      .replaceAll(/[*%]{2,}/g, (run) => (run.includes("*") ? "*" : "%"));
  }

  get hasLevelWildcard(): boolean {
    return this.#pattern.includes("%");
  }

  /** See reachesRestore(). */
  get reachesRestore(): boolean {
    return reachesRestore(this.#pattern);
  }

  matches(name: string): boolean {
    const pattern = this.#pattern;
    const separator = isSharedName(name) || isRestoreName(name) ? "/" : this.#separator;
    const isInbox = name === "INBOX" || name.startsWith(`INBOX${this.#separator}`);
    const inboxLength = isInbox ? "INBOX".length : 0;
    let reached = new Uint8Array(pattern.length + 1);
    reached[0] = 1;
    this.#passWildcards(reached);
    for (let at = 0; at < name.length; at += 1) {
      const character = name[at] as string;
      const next = new Uint8Array(pattern.length + 1);
      let isAlive = false;
      for (let position = 0; position < pattern.length; position += 1) {
        if (reached[position] === 0) continue;
        const expected = pattern[position] as string;
        const isWildcard = expected === "*" || expected === "%";
        if (isWildcard && (expected === "*" || character !== separator)) {
          next[position] = 1;
          isAlive = true;
        } else if (!isWildcard && isSame(expected, character, at < inboxLength)) {
          next[position + 1] = 1;
          isAlive = true;
        }
      }
      if (!isAlive) return false;
      this.#passWildcards(next);
      reached = next;
    }
    return reached[pattern.length] === 1;
  }

  /** A wildcard may also stand for nothing. */
  #passWildcards(reached: Uint8Array): void {
    for (let position = 0; position < this.#pattern.length; position += 1) {
      const isWildcard = this.#pattern[position] === "*" || this.#pattern[position] === "%";
      if (isWildcard && reached[position] === 1) reached[position + 1] = 1;
    }
  }
}

/** Which names fit any of some patterns. Remembers, since a level asks for each name below it again. */
export class MatchedNames {
  readonly #patterns: readonly ListPattern[];
  readonly #known = new Map<string, boolean>();

  constructor(patterns: readonly ListPattern[]) {
    this.#patterns = patterns;
  }

  has(name: string): boolean {
    const known = this.#known.get(name);
    if (known !== undefined) return known;
    const isMatched = this.#patterns.some((pattern) => pattern.matches(name));
    this.#known.set(name, isMatched);
    return isMatched;
  }
}

/** INBOX is written in any case (RFC 3501 §5.1), other names are not. */
const isSame = (expected: string, character: string, isInbox: boolean): boolean =>
  expected === character || (isInbox && expected.toUpperCase() === character);
