import { tokensMax } from "../limits.ts";

/** One token of a structured field (RFC 5322 §3.2). */
export interface Token {
  readonly kind: "word" | "quoted" | "literal" | "comment" | "special";
  /** Without quotes, parentheses and backslashes; a domain literal keeps its brackets. */
  readonly text: string;
  /** White space or a comment stands before it. */
  readonly isAfterSpace: boolean;
}

const encodedWord = /=\?[^?\s]*\?[bq]\?[^?\s]*\?=/iy;

/**
 * Cuts an unfolded structured value into tokens. Dots belong to words, so that obsolete phrases
 * ("John Q. Public", RFC 5322 §4.1) stay in one piece. Takes any text: an open quote, comment or
 * literal goes up to the end. Stops after tokensMax.
 */
export function structuredTokens(value: string, specials: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  let isAfterSpace = false;
  while (at < value.length && tokens.length < tokensMax) {
    const character = value.charAt(at);
    if (isWhiteSpace(character)) {
      at += 1;
      isAfterSpace = true;
      continue;
    }
    const { kind, text, end } = tokenAt(value, at, specials);
    tokens.push({ kind, text, isAfterSpace });
    isAfterSpace = kind === "comment";
    at = end;
  }
  return tokens;
}

interface Cut {
  readonly kind: Token["kind"];
  readonly text: string;
  readonly end: number;
}

function tokenAt(value: string, start: number, specials: string): Cut {
  const character = value.charAt(start);
  if (character === '"') return quotedAt(value, start);
  if (character === "(") return commentAt(value, start);
  if (character === "[" && specials.includes("[")) return literalAt(value, start);
  if (specials.includes(character)) return { kind: "special", text: character, end: start + 1 };
  return wordAt(value, start, specials);
}

function quotedAt(value: string, start: number): Cut {
  const end = endOfEscaped(value, start + 1, '"');
  return { kind: "quoted", text: unescaped(value.slice(start + 1, end)), end: end + 1 };
}

function literalAt(value: string, start: number): Cut {
  const end = endOfEscaped(value, start + 1, "]");
  const inside = unescaped(value.slice(start + 1, end)).replace(/[ \t\r\n]+/g, "");
  return { kind: "literal", text: `[${inside}]`, end: end + 1 };
}

function commentAt(value: string, start: number): Cut {
  let depth = 0;
  let at = start;
  for (; at < value.length; at += 1) {
    const character = value.charAt(at);
    if (character === "\\") at += 1;
    else if (character === "(") depth += 1;
    else if (character === ")") {
      depth -= 1;
      if (depth === 0) break;
    }
  }
  return { kind: "comment", text: unescaped(value.slice(start + 1, at)), end: at + 1 };
}

function wordAt(value: string, start: number, specials: string): Cut {
  // An encoded word is one word, also where a sender left a special inside (RFC 2047 §5).
  if (value.startsWith("=?", start)) {
    encodedWord.lastIndex = start;
    const encoded = encodedWord.exec(value)?.[0];
    if (encoded !== undefined) return { kind: "word", text: encoded, end: start + encoded.length };
  }
  let end = start;
  while (end < value.length && !isWordEnd(value.charAt(end), specials)) {
    end += value.charAt(end) === "\\" ? 2 : 1;
  }
  return { kind: "word", text: unescaped(value.slice(start, end)), end };
}

function isWordEnd(character: string, specials: string): boolean {
  return (
    isWhiteSpace(character) ||
    character === '"' ||
    character === "(" ||
    specials.includes(character)
  );
}

function endOfEscaped(value: string, start: number, last: string): number {
  let at = start;
  while (at < value.length && value.charAt(at) !== last) at += value.charAt(at) === "\\" ? 2 : 1;
  return Math.min(at, value.length);
}

function unescaped(text: string): string {
  return text.includes("\\") ? text.replace(/\\([\s\S]?)/g, "$1") : text;
}

function isWhiteSpace(character: string): boolean {
  return character === " " || character === "\t" || character === "\r" || character === "\n";
}
