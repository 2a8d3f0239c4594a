import { structuredTokens } from "./structured-tokens.ts";

/**
 * The identifiers of Message-ID, In-Reply-To or References, in order, without angle brackets,
 * comments, quotes and white space (RFC 5322 §3.6.4): two that are equal under RFC 5256 §3 come out
 * equal. A lone word with "@" counts too: some senders leave out the brackets. Never throws.
 */
export function parseMessageIds(value: string): string[] {
  const ids: string[] = [];
  const outside: string[] = [];
  let inside: string | undefined;
  for (const { kind, text } of structuredTokens(value, "<>[]")) {
    if (kind === "comment") continue;
    if (kind === "special" && text === "<") inside = "";
    else if (kind === "special" && text === ">") {
      if (inside !== undefined && inside !== "") ids.push(inside);
      inside = undefined;
    } else if (inside !== undefined) inside += text;
    else outside.push(text);
  }
  if (ids.length > 0) return ids;
  const [only, ...others] = outside;
  return only?.includes("@") === true && others.length === 0 ? [only] : [];
}
