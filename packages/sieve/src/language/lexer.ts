import { limits } from "../limits.ts";
import type { Place } from "../sieve-error.ts";
import type { Token } from "./token.ts";

/** What the lexer throws: one problem, and where. The parser collects them. */
export class SyntaxProblem extends Error {
  readonly place: Place;

  constructor(message: string, place: Place) {
    super(message);
    this.place = place;
  }
}

const punctuation = new Set(["(", ")", "[", "]", "{", "}", ",", ";"]);
const identifierStart = /[A-Za-z_]/;
const blanks = /[ \t\r\n]+/y;
const identifier = /[A-Za-z_][A-Za-z0-9_]*/y;
const digits = /[0-9]+/y;
const quantifiers: Readonly<Record<string, number>> = { K: 2 ** 10, M: 2 ** 20, G: 2 ** 30 };
const textStart = /text:[ \t]*(?:#[^\r\n]*)?(?:\r\n|\n)/iy;

/** The tokens of a script, one by one (RFC 5228 §8.1). Lines may end with LF alone. */
export class Lexer {
  readonly #text: string;
  #at = 0;
  #line = 1;
  #lineStart = 0;
  /** Up to where the pairs of UTF-16 halves of this line are counted, and how many there are. */
  #countedTo = 0;
  #pairs = 0;

  constructor(text: string) {
    this.#text = text;
  }

  next(): Token {
    this.#skipBlanks();
    const place = this.#place();
    const character = this.#text[this.#at];
    if (character === undefined) return { kind: "end", ...place };
    if (punctuation.has(character)) {
      this.#at += 1;
      return { kind: "punctuation", text: character, ...place };
    }
    if (character === '"') return { kind: "string", value: this.#quoted(place), ...place };
    if (character === ":") return this.#tag(place);
    if (this.#matches(textStart) !== undefined) {
      return { kind: "string", value: this.#multiLine(place), ...place };
    }
    const name = this.#matches(identifier);
    if (name !== undefined) return { kind: "identifier", name: name.toLowerCase(), ...place };
    const number = this.#matches(digits);
    if (number !== undefined)
      return { kind: "number", value: this.#number(number, place), ...place };
    this.#at += 1;
    throw new SyntaxProblem(`unexpected character ${JSON.stringify(character)}`, place);
  }

  #tag(place: Place): Token {
    this.#at += 1;
    const name = this.#matches(identifier);
    if (name === undefined) throw new SyntaxProblem('a name must follow ":"', place);
    return { kind: "tag", name: name.toLowerCase(), ...place };
  }

  #number(text: string, place: Place): number {
    const quantifier = this.#text[this.#at]?.toUpperCase() ?? "";
    const factor = quantifiers[quantifier];
    if (factor !== undefined) this.#at += 1;
    if (identifierStart.test(this.#text[this.#at] ?? "")) {
      throw new SyntaxProblem("a number may be followed by K, M or G only", place);
    }
    const value = Number(text) * (factor ?? 1);
    if (value > limits.numberMax) throw new SyntaxProblem("the number is too large", place);
    return value;
  }

  /** RFC 5228 §2.4.2: a backslash stands for the character behind it, whatever that is. */
  #quoted(place: Place): string {
    let value = "";
    let from = this.#at + 1;
    for (let at = from; at < this.#text.length; at += 1) {
      const character = this.#text[at];
      if (character === "\n") this.#newLine(at);
      else if (character === "\\") {
        value += this.#text.slice(from, at);
        from = at + 1;
        at += 1;
        if (this.#text[at] === "\n") this.#newLine(at);
      } else if (character === '"') {
        this.#at = at + 1;
        return withCrlf(value + this.#text.slice(from, at));
      }
    }
    this.#at = this.#text.length;
    throw new SyntaxProblem("this string has no closing quote", place);
  }

  /** `text:` up to a line with a dot alone, whose dots are taken off again. */
  #multiLine(place: Place): string {
    this.#newLine(this.#at - 1);
    const lines: string[] = [];
    while (this.#at < this.#text.length) {
      const newline = this.#text.indexOf("\n", this.#at);
      const end = newline === -1 ? this.#text.length : newline;
      const line = this.#text.slice(this.#at, end).replace(/\r$/, "");
      this.#at = Math.min(end + 1, this.#text.length);
      if (newline !== -1) this.#newLine(newline);
      if (line === ".") return lines.map((text) => `${text}\r\n`).join("");
      lines.push(line.startsWith("..") ? line.slice(1) : line);
    }
    throw new SyntaxProblem('this text has no line with "." alone at its end', place);
  }

  #skipBlanks(): void {
    for (;;) {
      const before = this.#at;
      const blank = this.#matches(blanks);
      if (blank !== undefined) this.#countLines(before, this.#at);
      else if (this.#text[before] === "#") {
        const newline = this.#text.indexOf("\n", before);
        this.#at = newline === -1 ? this.#text.length : newline;
      } else if (this.#text.startsWith("/*", before)) {
        const end = this.#text.indexOf("*/", before + 2);
        if (end === -1) {
          const place = this.#place();
          this.#at = this.#text.length;
          throw new SyntaxProblem("this comment has no end", place);
        }
        this.#at = end + 2;
        this.#countLines(before, this.#at);
      } else return;
    }
  }

  #matches(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0];
    if (found !== undefined) this.#at += found.length;
    return found;
  }

  #countLines(from: number, to: number): void {
    for (let at = this.#text.indexOf("\n", from); at !== -1 && at < to; ) {
      this.#newLine(at);
      at = this.#text.indexOf("\n", at + 1);
    }
  }

  #newLine(at: number): void {
    this.#line += 1;
    this.#lineStart = at + 1;
  }

  /** Columns count characters: what is above U+FFFF is one, and two in a string of this language. */
  #place(): Place {
    if (this.#countedTo < this.#lineStart) {
      this.#countedTo = this.#lineStart;
      this.#pairs = 0;
    }
    for (; this.#countedTo < this.#at; this.#countedTo += 1) {
      const code = this.#text.charCodeAt(this.#countedTo);
      if (code >= 0xdc00 && code <= 0xdfff) this.#pairs += 1;
    }
    return { line: this.#line, column: this.#at - this.#lineStart - this.#pairs + 1 };
  }
}

/** RFC 5228 §2.4.2: lines of a string end with CRLF, however the script was written. */
function withCrlf(text: string): string {
  return text.includes("\n") ? text.replace(/\r?\n/g, "\r\n") : text;
}
