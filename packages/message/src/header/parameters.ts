import { parameterBytesMax, parametersMax } from "../limits.ts";
import { octetsFromBinary, textFromBinary } from "../octets.ts";
import { decodeCharset } from "./charset.ts";
import { decodeEncodedWords } from "./encoded-words.ts";

/** A parameter of Content-Type or Content-Disposition: lower-case name, decoded value. */
export type Parameter = readonly [name: string, value: string];

/** A structured field with parameters: `text/plain; charset=utf-8`. */
export interface ParameterisedValue {
  /** What stands before the first semicolon, lower case, without comments and white space. */
  readonly value: string;
  readonly parameters: readonly Parameter[];
}

/**
 * Reads `value; name=value; …` (RFC 2045 §5.1) from unfolded header text in a binary string.
 * Continuations are joined and charsets decoded (RFC 2231); the name of a parameter that was encoded
 * keeps its asterisk, as RFC 9051 §7.5.2 wants it: `filename*`. Of two with one name the first counts.
 */
export function parseParameterised(binary: string): ParameterisedValue {
  const reader = new ParameterReader(binary);
  // A semicolon that was forgotten: `attachment filename=x` is an attachment.
  const [value = ""] = reader
    .value()
    .toLowerCase()
    .split("/")
    .map(trimmed)
    .join("/")
    .split(/\s/, 1);
  const pieces: (readonly [name: string, value: string])[] = [];
  while (!reader.isAtEnd() && pieces.length < parametersMax) {
    const name = reader.name();
    const text = reader.isAtEnd() ? undefined : reader.parameterValue();
    if (name !== "" && text !== undefined) pieces.push([name, text.slice(0, parameterBytesMax)]);
  }
  return { value, parameters: joinContinuations(pieces) };
}

/** A value by its plain name: the encoded form (`filename*`) goes before the plain one. */
export function parameterValue(parameters: readonly Parameter[], name: string): string | undefined {
  const encoded = parameters.find(([candidate]) => candidate === `${name}*`);
  if (encoded !== undefined) return encoded[1];
  const plain = parameters.find(([candidate]) => candidate === name);
  // RFC 2047 §5 forbids encoded words here, and many senders write them.
  return plain && decodeEncodedWords(plain[1]);
}

const trimmed = (text: string): string => text.trim();

/** Walks once over the text; each method leaves it after what it has read. */
class ParameterReader {
  readonly #text: string;
  #at = 0;
  /**
   * Parentheses before this are text: those inside a word, and all when one of them has no end.
   * Looking for the end of each of them again would take time by the square.
   */
  #parenthesesAreTextUntil = 0;

  constructor(text: string) {
    this.#text = text;
  }

  isAtEnd(): boolean {
    return this.#at >= this.#text.length;
  }

  /** Up to a semicolon, which is skipped. */
  value(): string {
    const text = this.#until(";");
    this.#at += 1;
    return text;
  }

  /** Up to "=" or a semicolon; empty when there was no "=". */
  name(): string {
    const name = this.#until("=;").toLowerCase().replace(/\s+/g, "");
    const hasValue = this.#text.charAt(this.#at) === "=";
    this.#at += 1;
    return hasValue && /^[!-~]+$/.test(name) ? name : "";
  }

  /** Quoted, or anything up to a semicolon: unquoted spaces and "=" are common and harmless. */
  parameterValue(): string {
    while (/[ \t]/.test(this.#text.charAt(this.#at))) this.#at += 1;
    if (this.#text.charAt(this.#at) !== '"') return this.value();
    const quoted = this.#quoted();
    this.value();
    return quoted;
  }

  #quoted(): string {
    const pieces: string[] = [];
    let start = this.#at + 1;
    let at = start;
    for (; at < this.#text.length && this.#text.charAt(at) !== '"'; at += 1) {
      if (this.#text.charAt(at) !== "\\") continue;
      pieces.push(this.#text.slice(start, at));
      start = at + 1;
      at += 1;
    }
    pieces.push(this.#text.slice(start, at));
    this.#at = at + 1;
    return pieces.join("");
  }

  #until(ends: string): string {
    const pieces: string[] = [];
    let start = this.#at;
    while (!this.isAtEnd() && !ends.includes(this.#text.charAt(this.#at))) {
      const commentEnd = this.#commentEnd();
      if (commentEnd === undefined) {
        this.#at += 1;
        continue;
      }
      pieces.push(this.#text.slice(start, this.#at));
      this.#at = commentEnd;
      start = commentEnd;
    }
    pieces.push(this.#text.slice(start, this.#at));
    return pieces.join("").trim();
  }

  /** Where the comment that begins here ends. `a(1).txt` has none: more of the word follows. */
  #commentEnd(): number | undefined {
    if (this.#at < this.#parenthesesAreTextUntil || this.#text.charAt(this.#at) !== "(") {
      return undefined;
    }
    const end = endOfComment(this.#text, this.#at);
    const isInWord =
      end !== undefined &&
      /[^\s;=]/.test(this.#text.charAt(this.#at - 1)) &&
      /[^\s;=(]/.test(this.#text.charAt(end));
    if (end !== undefined && !isInWord) return end;
    this.#parenthesesAreTextUntil = end ?? this.#text.length;
    return undefined;
  }
}

function endOfComment(text: string, start: number): number | undefined {
  let depth = 0;
  for (let at = start; at < text.length; at += 1) {
    const character = text.charAt(at);
    if (character === "\\") at += 1;
    else if (character === "(") depth += 1;
    else if (character === ")") {
      depth -= 1;
      if (depth === 0) return at + 1;
    }
  }
  return undefined;
}

interface Segment {
  readonly index: number;
  readonly isEncoded: boolean;
  readonly value: string;
}

const segmentName = /^([^*]+)\*(?:(\d{1,3})(\*)?)?$/;

/** RFC 2231 §3, §4 and §4.1. */
function joinContinuations(pieces: readonly Parameter[]): Parameter[] {
  const plain = new Map<string, string>();
  const segmented = new Map<string, Segment[]>();
  const order: { readonly name: string; readonly isPlain: boolean }[] = [];
  for (const [name, value] of pieces) {
    const [, base, index, asterisk] = segmentName.exec(name) ?? [];
    if (base === undefined) {
      if (plain.has(name)) continue;
      order.push({ name, isPlain: true });
      plain.set(name, value);
      continue;
    }
    const isEncoded = index === undefined || asterisk !== undefined;
    const segments = segmented.get(base);
    const segment = { index: Number(index ?? 0), isEncoded, value };
    if (segments !== undefined) segments.push(segment);
    else {
      order.push({ name: base, isPlain: false });
      segmented.set(base, [segment]);
    }
  }
  return order.map(({ name, isPlain }) =>
    isPlain
      ? [name, textFromBinary(plain.get(name) ?? "")]
      : joinSegments(name, segmented.get(name) ?? []),
  );
}

function joinSegments(name: string, unsorted: readonly Segment[]): Parameter {
  const segments = unsorted.toSorted((one, other) => one.index - other.index);
  const isEncoded = segments.some((segment) => segment.isEncoded);
  if (!isEncoded) return [name, textFromBinary(bounded(segments.map(({ value }) => value)))];
  const { charset, rest } = withoutCharset(segments[0]);
  const values = segments.map((segment, at) => {
    const value = at === 0 ? rest : segment.value;
    return segment.isEncoded ? percentDecoded(value) : value;
  });
  return [`${name}*`, decodeCharset(octetsFromBinary(bounded(values)), charset)];
}

function bounded(values: readonly string[]): string {
  return values.join("").slice(0, parameterBytesMax);
}

/** `charset'language'text`: only the first segment has it (RFC 2231 §4.1). */
function withoutCharset(segment: Segment | undefined): { charset: string; rest: string } {
  const value = segment?.value ?? "";
  const [, charset, rest] = /^([^']*)'[^']*'([\s\S]*)$/.exec(value) ?? [];
  if (segment?.isEncoded !== true || charset === undefined)
    return { charset: "utf-8", rest: value };
  return { charset: charset === "" ? "utf-8" : charset, rest: rest ?? "" };
}

function percentDecoded(value: string): string {
  return value.replace(/%([0-9a-f]{2})/gi, (_, hex: string) =>
    String.fromCharCode(parseInt(hex, 16)),
  );
}
