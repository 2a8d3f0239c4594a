/** A pattern of `:matches` (RFC 5228 §2.7.1): "*" is any text, "?" one character, "\" takes their meaning. */
export type WildcardPattern = readonly string[];

/** What a match found: the whole text first, then what each wildcard stood for (RFC 5229 §3.2). */
export type Captures = readonly string[];

/** Marks of two letters, so that no folded character is taken for one. */
const any = "any";
const one = "one";

export function parseWildcards(
  pattern: string,
  foldCharacter: (character: string) => string,
): WildcardPattern {
  const parsed: string[] = [];
  const characters = Array.from(pattern);
  for (let at = 0; at < characters.length; at += 1) {
    const character = characters[at] ?? "";
    if (character === "*") parsed.push(any);
    else if (character === "?") parsed.push(one);
    else if (character === "\\" && at + 1 < characters.length) {
      at += 1;
      parsed.push(literal(foldCharacter(characters[at] ?? "")));
    } else parsed.push(literal(foldCharacter(character)));
  }
  return parsed;
}

/** A character may fold to several: with a mark before them they are never "any" or "one". */
const literal = (folded: string): string => `=${folded}`;

/**
 * Matches a whole text; each "*" stands for as little as can be, from the left (RFC 5229 §3.2). Only
 * the last "*" seen ever has to take more: what stands before it was found as early as possible, and
 * any later place would leave less. So it takes length of text times length of pattern, at most.
 */
export function matchWildcards(
  pattern: WildcardPattern,
  text: string,
  foldCharacter: (character: string) => string,
  spend: (steps: number) => void,
): Captures | undefined {
  const characters = Array.from(text);
  const folded = characters.map((character) => literal(foldCharacter(character)));
  /** Where each wildcard began and ended, in order of the pattern. */
  const spans: { start: number; end: number }[] = [];
  let at = 0;
  let next = 0;
  let star: { readonly next: number; readonly spans: number; end: number } | undefined;
  let rounds = 0;
  while (at < folded.length || next < pattern.length) {
    rounds += 1;
    if (rounds % 256 === 0) spend(1);
    const wanted = pattern[next];
    if (wanted === any) {
      star = { next: next + 1, spans: spans.length, end: at };
      spans.push({ start: at, end: at });
      next += 1;
    } else if (at < folded.length && (wanted === one || wanted === folded[at])) {
      if (wanted === one) spans.push({ start: at, end: at + 1 });
      at += 1;
      next += 1;
    } else if (star !== undefined && star.end < folded.length) {
      star.end += 1;
      const span = spans[star.spans];
      if (span !== undefined) span.end = star.end;
      spans.length = star.spans + 1;
      at = star.end;
      next = star.next;
    } else return undefined;
  }
  return [text, ...spans.map(({ start, end }) => characters.slice(start, end).join(""))];
}
