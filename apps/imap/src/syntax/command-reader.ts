import { type Hierarchy, type SystemFlag, systemFlagBits } from "@posthouse/mailbox-store";
import { limits } from "../limits.ts";
import { bad, CommandFailure, no } from "../response.ts";
import { parseDate, parseDateTime } from "./date-time.ts";
import { ownHierarchy, storeNameOf } from "./mailbox-hierarchy.ts";
import { decodeModifiedUtf7, decodeUtf8Name } from "./mailbox-name.ts";
import { parseSequenceSet, type SequenceSet, savedResult } from "./sequence-set.ts";

/** UINT32_MAX: number and nz-number, RFC 3501 §9. */
const NUMBER_MAX = 4_294_967_295;

// ATOM-CHAR is printable ASCII without atom-specials; ASTRING-CHAR and list-char add their own.
const atomPattern = /[!#$&'+,\-./0-9:;<=>?@A-Z[^_`a-z|}~]+/y;
const astringPattern = /[!#$&'+,\-./0-9:;<=>?@A-Z[\]^_`a-z|}~]+/y;
const listMailboxPattern = /[!#$%&'*+,\-./0-9:;<=>?@A-Z[\]^_`a-z|}~]+/y;
// Octets above 0x7f are not in QUOTED-CHAR, but clients send UTF-8 passwords so.
const quotedPattern = /"(?:[\t\x20-\x21\x23-\x5b\x5d-\xff]|\\["\\])*"/y;
const literalPattern = /(~?)\{(\d{1,20})(\+?)\}$/y;
const numberPattern = /\d{1,10}/y;
const number64Pattern = /\d{1,19}/y;
const partialRangePattern = /(-?)(\d{1,10}):(-?)(\d{1,10})/y;
const sequenceSetPattern = /[\d:*,]+/y;
const flagPattern = /\\?[!#$&'+,\-./0-9:;<=>?@A-Z[^_`a-z|}~]+/y;

const utf8 = new TextDecoder("utf-8", { fatal: true });

const systemFlagOf: ReadonlyMap<string, SystemFlag> = new Map(
  Object.keys(systemFlagBits).map((flag) => [flag.toLowerCase(), flag as SystemFlag]),
);

/** Flags as the store takes them. */
export interface FlagList {
  readonly systemFlags: readonly SystemFlag[];
  readonly keywords: readonly string[];
}

/** Results `first` to `last` of a search, counted from 1 (RFC 9394 §3.1). */
export interface PartialRange {
  /** As the client wrote it, which the answer repeats. */
  readonly text: string;
  readonly first: number;
  readonly last: number;
  /** The newest is 1. */
  readonly isFromEnd: boolean;
}

/** `{310}` or `{310+}` at the end of a line: what follows is not in memory. */
export interface LiteralHeader {
  readonly lengthBytes: number;
  /** The client waits for our `+` before it sends (RFC 3501 §7.5); with `+` it does not (RFC 7888). */
  readonly isSynchronising: boolean;
  /** `~{310}`, literal8 of RFC 3516 §4.4: may hold NUL. */
  readonly isBinary: boolean;
}

/** The literal that a line ends with; undefined when it ends without one. */
export function literalAtEnd(line: string): LiteralHeader | undefined {
  if (!line.endsWith("}")) return undefined;
  const at = line.lastIndexOf("{");
  if (at === -1) return undefined;
  return readLiteralHeader(line, line[at - 1] === "~" ? at - 1 : at);
}

function readLiteralHeader(line: string, at: number): LiteralHeader | undefined {
  literalPattern.lastIndex = at;
  const match = literalPattern.exec(line);
  if (match === null) return undefined;
  return {
    lengthBytes: Number(match[2]),
    isSynchronising: match[3] === "",
    isBinary: match[1] === "~",
  };
}

/**
 * Reads the arguments of one command. A method is named after the grammar rule of RFC 3501 §9 that it
 * reads, and throws BAD where the rule does not match.
 *
 * Text is held with one character an octet (latin1), so that a position is a position on the wire;
 * what a user wrote is decoded where a rule says which charset it has.
 */
export class CommandReader {
  /** The lines of the command; `literals[i]` stands between lines i and i+1. */
  readonly #lines: readonly string[];
  readonly #literals: readonly Buffer[];
  readonly #hierarchy: Hierarchy;
  readonly #hasUtf8Names: boolean;
  #line: number;
  #nameAsWritten = "";
  #at: number;

  constructor(
    lines: readonly string[],
    literals: readonly Buffer[] = [],
    startAt = 0,
    hierarchy: Hierarchy = ownHierarchy,
    hasUtf8Names = false,
  ) {
    this.#hasUtf8Names = hasUtf8Names;
    this.#hierarchy = hierarchy;
    this.#lines = lines;
    this.#literals = literals;
    this.#line = 0;
    this.#at = startAt;
  }

  get #text(): string {
    return this.#lines[this.#line] ?? "";
  }

  /** The next character, or undefined at the end of the command. */
  peek(): string | undefined {
    return this.#text[this.#at];
  }

  sp(): void {
    this.#character(" ", "SP");
  }

  end(): void {
    if (!this.isAtEnd) throw this.expected("CRLF");
  }

  get isAtEnd(): boolean {
    return this.#at === this.#text.length && this.#line >= this.#lines.length - 1;
  }

  /** Whether `text` comes next; nothing is taken. */
  isNext(text: string): boolean {
    return this.#text.startsWith(text, this.#at);
  }

  /** Takes `text` when it comes next, whatever its case. */
  take(text: string): boolean {
    const found = this.#text.slice(this.#at, this.#at + text.length);
    if (found.toUpperCase() !== text.toUpperCase()) return false;
    this.#at += text.length;
    return true;
  }

  atom(): string {
    return this.#match(atomPattern) ?? this.#fail("atom");
  }

  /** An atom in capitals: names of commands, keys and items are written in any case. */
  keyword(): string {
    return this.atom().toUpperCase();
  }

  astringOctets(): Buffer {
    const atom = this.#match(astringPattern);
    return atom === undefined ? this.#string("astring") : Buffer.from(atom, "latin1");
  }

  astring(): string {
    return this.#decode(this.astringOctets());
  }

  stringOctets(): Buffer {
    return this.#string("string");
  }

  string(): string {
    return this.#decode(this.stringOctets());
  }

  /** NIL, or a string. */
  nstring(): string | undefined {
    const next = this.peek();
    if (next !== '"' && next !== "{" && this.take("NIL")) return undefined;
    return this.string();
  }

  /** NIL, a string of octets, or a literal8: the value of RFC 5464 §5. */
  annotationValue(): Buffer | undefined {
    const next = this.peek();
    if (next === "~") return this.#literal(true) ?? this.#fail("literal8");
    if (next !== '"' && next !== "{" && this.take("NIL")) return undefined;
    return this.#string("nstring");
  }

  number(): number {
    const text = this.#match(numberPattern) ?? this.#fail("number");
    const number = Number(text);
    if (number > NUMBER_MAX) throw bad(`${text} is more than a number can be`);
    return number;
  }

  /** mod-sequence-valzer of RFC 7162 §7. None of ours is above 2^53, so what is lost above does no harm. */
  modSequence(): number {
    return Number(this.#match(number64Pattern) ?? this.#fail("mod-sequence-value"));
  }

  /** partial-range of RFC 9394 §4. */
  partialRange(): PartialRange {
    const text = this.#match(partialRangePattern) ?? this.#fail("partial-range");
    const [from = 0, to = 0] = text.split(":").map(Number);
    const isFromEnd = text.startsWith("-");
    if (from === 0 || to === 0 || isFromEnd !== to < 0) {
      throw bad(`"${shorten(text)}" is not a partial-range`);
    }
    const [one, other] = [Math.abs(from), Math.abs(to)];
    if (Math.max(one, other) > NUMBER_MAX) throw bad(`${text} is more than a number can be`);
    return { text, first: Math.min(one, other), last: Math.max(one, other), isFromEnd };
  }

  /** RFC 9051 §9, up to 2^63-1; larger ones than a double holds exactly are rounded. */
  number64(): number {
    const text = this.#match(number64Pattern) ?? this.#fail("number64");
    return Number(text);
  }

  /** At a list that begins with a name of letters: options, and not entries of RFC 5464. */
  isOptionList(): boolean {
    return /^\([a-z]/i.test(this.#text.slice(this.#at, this.#at + 2));
  }

  nzNumber(): number {
    const number = this.number();
    if (number === 0) throw bad("Expected a number above zero");
    return number;
  }

  /** `$` comes out as savedResult. */
  sequenceSet(): SequenceSet {
    if (this.take("$")) return savedResult;
    const text = this.#match(sequenceSetPattern) ?? this.#fail("sequence-set");
    const set = parseSequenceSet(text);
    if (set === undefined) throw bad(`"${shorten(text)}" is not a sequence-set`);
    return set;
  }

  /** A name that a mailbox can have, as the store knows it. */
  mailbox(): string {
    const name = this.#mailboxName();
    const canonical = storeNameOf(name, this.#hierarchy);
    if (canonical === undefined) throw no("CANNOT", "No mailbox can have that name");
    return canonical;
  }

  /** The last name of a mailbox as the client wrote it: what OLDNAME tells (RFC 9051 §6.3.9.7). */
  get nameAsWritten(): string {
    return this.#nameAsWritten;
  }

  /** As mailbox(), for SELECT, which does something also where it is refused. */
  mailboxOrRefusal(): string | CommandFailure {
    try {
      return this.mailbox();
    } catch (error) {
      if (error instanceof CommandFailure && error.condition === "NO") return error;
      throw error;
    }
  }

  /** As mailbox(), for CREATE: a last separator says that children will follow, and is no part (RFC 3501 §6.3.3). */
  mailboxToCreate(): string {
    const name = this.#mailboxName();
    const isParent = name.endsWith(this.#hierarchy.separator);
    const canonical = storeNameOf(isParent ? name.slice(0, -1) : name, this.#hierarchy);
    if (canonical === undefined) throw no("CANNOT", "No mailbox can have that name");
    // One such name, and clients that keep mailboxes as directories refuse the whole account.
    if (canonical.split("/").some((level) => level === "." || level === "..")) {
      throw no("CANNOT", "No level of a name can be . or ..");
    }
    return canonical;
  }

  /** The reference or, with wildcards, the pattern of LIST; undefined when it can match no name. */
  listReference(): string | undefined {
    return this.#decodeName(this.astringOctets().toString("latin1"));
  }

  listMailbox(): string | undefined {
    const atom = this.#match(listMailboxPattern);
    const text = atom ?? this.#string("list-mailbox").toString("latin1");
    return this.#decodeName(text);
  }

  /** A parenthesised list of flags; \Recent, which only the server sets, and unknown ones are passed over. */
  flagList(): FlagList {
    return this.#flags(this.parenthesised(() => this.flag(), { max: limits.flagsMax }));
  }

  /** STORE takes its flags with or without parentheses (RFC 3501 §9, store-att-flags). */
  storeFlags(): FlagList {
    if (this.peek() === "(") return this.flagList();
    const flags = [this.flag()];
    while (this.take(" ")) {
      flags.push(this.flag());
      if (flags.length > limits.flagsMax) {
        throw bad(`More than ${limits.flagsMax} in one list`, "LIMIT");
      }
    }
    return this.#flags(flags);
  }

  flag(): string {
    return this.#match(flagPattern) ?? this.#fail("flag");
  }

  /** Days since the epoch. */
  date(): number {
    const text = this.peek() === '"' ? this.string() : this.atom();
    const day = parseDate(text);
    if (day === undefined) throw bad(`"${shorten(text)}" is not a date`);
    return day;
  }

  /** Milliseconds since the epoch. */
  dateTime(): number {
    if (this.peek() !== '"') throw this.expected("date-time");
    const text = this.string();
    const atMs = parseDateTime(text);
    if (atMs === undefined) throw bad(`"${shorten(text)}" is not a date-time`);
    return atMs;
  }

  /** `(` item *(SP item) `)`; also `()` unless `min` says else. */
  parenthesised<Item>(
    readItem: () => Item,
    { min = 0, max }: { readonly min?: number; readonly max: number },
  ): Item[] {
    this.#character("(", '"("');
    const items: Item[] = [];
    if (this.take(")")) {
      if (min > 0) throw bad("A list is empty");
      return items;
    }
    for (;;) {
      items.push(readItem());
      if (items.length > max) throw bad(`More than ${max} in one list`, "LIMIT");
      if (this.take(")")) return items;
      this.sp();
    }
  }

  /** The header of a literal whose octets are still on the wire; it ends the last line. */
  literalHeader(): LiteralHeader {
    const header = readLiteralHeader(this.#text, this.#at);
    if (header === undefined) throw this.expected("literal");
    this.#at = this.#text.length;
    return header;
  }

  /** Goes on with the line behind such a literal, when it has been read. */
  afterLiteral(): void {
    this.#line += 1;
    this.#at = 0;
  }

  /** The literal that comes next is no part of what was gathered. */
  get isAtLiteral(): boolean {
    return (
      this.#line === this.#lines.length - 1 && readLiteralHeader(this.#text, this.#at) !== undefined
    );
  }

  expected(rule: string): CommandFailure {
    const next = this.peek();
    const got =
      next === undefined ? "the end" : /[\x21-\x7e]/.test(next) ? `"${next}"` : "an octet";
    return bad(`Expected ${rule} at column ${this.#at + 1}, got ${got}`);
  }

  #flags(names: readonly string[]): FlagList {
    const systemFlags = new Set<SystemFlag>();
    const keywords = new Map<string, string>();
    for (const name of names) {
      const systemFlag = systemFlagOf.get(name.toLowerCase());
      if (systemFlag !== undefined) systemFlags.add(systemFlag);
      // An atom by the grammar, and nothing at all to clients that read a list of flags.
      else if (name.toUpperCase() === "NIL") throw no("CANNOT", "No keyword can be NIL");
      // RFC 3501 §7.1, PERMANENTFLAGS: what cannot be kept may be ignored. Programs that move mail in bring
      // flags such as \Indexed along, and the message matters more.
      else if (!name.startsWith("\\")) keywords.set(name.toLowerCase(), name);
    }
    return { systemFlags: [...systemFlags], keywords: [...keywords.values()] };
  }

  #mailboxName(): string {
    const text = this.astringOctets().toString("latin1");
    const decoded = this.#decodeName(text);
    if (decoded !== undefined) {
      this.#nameAsWritten = decoded;
      return decoded;
    }
    // RFC 6855 §3: what has the high bit and is not UTF-8 is BAD.
    if (/[\x80-\xff]/.test(text)) throw bad("A string is not UTF-8");
    throw no("CANNOT", "The name is not in modified UTF-7");
  }

  /**
   * Undefined when it is not in the charset of this connection's names. What has octets above 127 cannot be
   * modified UTF-7, and is taken as UTF-8 at any time (RFC 6855 §3).
   */
  #decodeName(text: string): string | undefined {
    const isUtf8 = this.#hasUtf8Names || /[\x80-\xff]/.test(text);
    return isUtf8 ? decodeUtf8Name(text) : decodeModifiedUtf7(text);
  }

  #string(rule: string): Buffer {
    const quoted = this.#match(quotedPattern);
    if (quoted !== undefined) {
      return Buffer.from(quoted.slice(1, -1).replaceAll(/\\(.)/g, "$1"), "latin1");
    }
    return this.#literal() ?? this.#fail(rule);
  }

  #literal(isBinary = false): Buffer | undefined {
    const header = readLiteralHeader(this.#text, this.#at);
    const octets = this.#literals[this.#line];
    if (header === undefined || octets === undefined) return undefined;
    if (header.isBinary !== isBinary) return undefined;
    // RFC 3501 §9: CHAR8 has no NUL.
    if (!isBinary && octets.includes(0)) throw bad("A literal cannot contain NUL");
    this.#line += 1;
    this.#at = 0;
    return octets;
  }

  #decode(octets: Buffer): string {
    try {
      return utf8.decode(octets);
    } catch {
      throw bad("A string is not UTF-8");
    }
  }

  #character(character: string, rule: string): void {
    if (this.peek() !== character) throw this.expected(rule);
    this.#at += 1;
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const text = pattern.exec(this.#text)?.[0];
    if (text !== undefined) this.#at += text.length;
    return text;
  }

  #fail(rule: string): never {
    throw this.expected(rule);
  }
}

/** What a client sent, for an answer of one line. */
const shorten = (text: string): string =>
  text.replaceAll(/[^\x20-\x7e]/g, "?").slice(0, 40) + (text.length > 40 ? "..." : "");
