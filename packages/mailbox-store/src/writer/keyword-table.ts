import { join } from "node:path";
import { limits } from "../limits.ts";
import { takeDotlock } from "../maildir/dotlock.ts";
import { readIfThere, replaceDurably } from "../maildir/durable-file.ts";
import {
  formatKeywordList,
  keywordLettersMax,
  letterOfKeywordIndex,
  parseKeywordList,
} from "../maildir/keyword-list.ts";
import { StoreError } from "../store-error.ts";
import type { Statements } from "./statements.ts";

export const keywordsFileName = "dovecot-keywords";

/**
 * The keywords of one mailbox and their positions: the first 26 are letters in file names and stand in
 * dovecot-keywords, the others stand in posthouse-mailbox. Keywords match without regard to case
 * (RFC 9051 §2.3.2); the first spelling stays.
 */
export class KeywordTable {
  readonly #statements: Statements;
  readonly #mailbox: number;
  readonly #path: string;
  readonly #onBeyondLetters: () => void;
  /** An mbox has them by name in each message: there are no letters and no file. */
  readonly #hasFile: boolean;
  #names: (string | undefined)[] | undefined;

  constructor(
    statements: Statements,
    mailbox: number,
    folderPath: string,
    onBeyondLetters: () => void,
    hasFile: boolean,
  ) {
    this.#statements = statements;
    this.#mailbox = mailbox;
    this.#path = join(folderPath, keywordsFileName);
    this.#onBeyondLetters = onBeyondLetters;
    this.#hasFile = hasFile;
  }

  /** Every keyword that the mailbox has. */
  all(): string[] {
    return this.#all().filter((name) => name !== undefined);
  }

  /** Of another program's keywords those that there is room for. */
  positionsIfAllowed(keywords: readonly string[]): number[] {
    return keywords.flatMap((keyword) => {
      const known = this.#find(keyword);
      if (known !== undefined) return [known];
      const hasRoom = this.#all().length < limits.keywordsMax;
      return hasRoom && isKeyword(keyword) ? [this.#add(keyword)] : [];
    });
  }

  /** The position of each, made where it is new. */
  positionsOf(keywords: readonly string[]): number[] {
    return keywords.map((keyword) => this.#find(keyword) ?? this.#add(keyword));
  }

  /** Those that the mailbox has; what it never had, no message has. */
  knownPositionsOf(keywords: readonly string[]): number[] {
    return keywords.map((keyword) => this.#find(keyword)).filter((at) => at !== undefined);
  }

  namesAt(positions: readonly number[]): string[] {
    return positions.map((at) => this.#all()[at]).filter((name) => name !== undefined);
  }

  lettersOf(positions: readonly number[]): string[] {
    return positions.map(letterOfKeywordIndex).filter((letter) => letter !== undefined);
  }

  /** Whether all of these stand in file names: the others come to posthouse-mailbox, a moment later. */
  haveLetters(keywords: readonly string[]): boolean {
    return this.positionsOf(keywords).every((at) => at < keywordLettersMax);
  }

  isKnownLetter(letter: string): boolean {
    const position = letter.charCodeAt(0) - 0x61;
    return position >= 0 && position < keywordLettersMax && this.#all()[position] !== undefined;
  }

  /** The positions of a row's keyword set. */
  positionsOfSet(setId: number): number[] {
    if (setId === 0) return [];
    const names = this.#statements.keywordSetNames.get(setId) ?? "";
    return this.knownPositionsOf(names.split(" "));
  }

  /** The set of these positions, as rows name it. */
  setOf(positions: Iterable<number>): number {
    const names = this.namesAt([...new Set(positions)].sort((a, b) => a - b))
      .sort()
      .join(" ");
    if (names === "") return 0;
    const known = this.#statements.keywordSetId.get(names);
    if (known !== undefined) return known;
    return Number(this.#statements.insertKeywordSet.run(names).lastInsertRowid);
  }

  namesOfSet(setId: number): string[] {
    const names = setId === 0 ? "" : (this.#statements.keywordSetNames.get(setId) ?? "");
    return names === "" ? [] : names.split(" ");
  }

  /** Another set of positions beyond the letters is to be written into posthouse-mailbox. */
  noteSetChange(before: readonly number[], after: readonly number[]): void {
    if (!this.#hasFile) return;
    const beyond = (positions: readonly number[]) =>
      positions
        .filter((at) => at >= keywordLettersMax)
        .sort((a, b) => a - b)
        .join(" ");
    if (beyond(before) !== beyond(after)) this.#onBeyondLetters();
  }

  /** Takes in what another program added to dovecot-keywords. */
  readFile(): void {
    if (!this.#hasFile) return;
    const listed = parseKeywordList(readIfThere(this.#path) ?? Buffer.alloc(0));
    for (const [position, name] of listed.entries()) {
      if (name !== undefined && isKeyword(name) && this.#all()[position] !== name) {
        this.#put(position, name);
      }
    }
  }

  /** What the letters mean, as the index has it. */
  letters(): (string | undefined)[] {
    return Array.from(this.#all()).slice(0, keywordLettersMax);
  }

  /** After readFile(): what the file lacks. */
  writeFileIfOther(): void {
    const lock = takeDotlock(`${this.#path}.lock`);
    try {
      this.readFile();
      const wanted = formatKeywordList(this.letters());
      const octets = readIfThere(this.#path);
      if (wanted !== (octets?.toString("utf8") ?? "")) replaceDurably(this.#path, wanted);
    } finally {
      lock.release();
    }
  }

  /** Keywords of posthouse-mailbox, when the index is filled from the files. */
  restore(moreKeywords: ReadonlyMap<number, string>): void {
    for (const [position, name] of moreKeywords) {
      if (position >= keywordLettersMax && position < limits.keywordsMax && isKeyword(name)) {
        this.#put(position, name);
      }
    }
  }

  beyondLetters(): Map<number, string> {
    const more = new Map<number, string>();
    if (!this.#hasFile) return more;
    for (const [position, name] of this.#all().entries()) {
      if (position >= keywordLettersMax && name !== undefined) more.set(position, name);
    }
    return more;
  }

  messagesBeyondLetters(): Map<string, number[]> {
    const messages = new Map<string, number[]>();
    if (this.beyondLetters().size === 0) return messages;
    const positionsOfSet = new Map<number, number[]>();
    for (const { key, keywordSet } of this.#statements.messagesWithKeywords.all(this.#mailbox)) {
      let beyond = positionsOfSet.get(keywordSet);
      if (beyond === undefined) {
        beyond = this.positionsOfSet(keywordSet).filter((at) => at >= keywordLettersMax);
        positionsOfSet.set(keywordSet, beyond);
      }
      if (beyond.length > 0) messages.set(key, beyond);
    }
    return messages;
  }

  /** The rows may have been rolled back: they are read again when needed. */
  forget(): void {
    this.#names = undefined;
  }

  #all(): (string | undefined)[] {
    if (this.#names === undefined) {
      this.#names = [];
      for (const { position, name } of this.#statements.keywords.all(this.#mailbox)) {
        this.#names[position] = name;
      }
    }
    return this.#names;
  }

  #find(keyword: string): number | undefined {
    const lowered = keyword.toLowerCase();
    const at = this.#all().findIndex((name) => name?.toLowerCase() === lowered);
    return at < 0 ? undefined : at;
  }

  #add(keyword: string): number {
    if (!isKeyword(keyword)) {
      throw new StoreError("not-permitted", `Cannot use "${keyword}" as a keyword`);
    }
    if (!this.#hasFile) {
      const position = this.#firstFree();
      this.#put(position, keyword);
      return position;
    }
    const lock = takeDotlock(`${this.#path}.lock`);
    try {
      this.readFile();
      const listed = this.#find(keyword);
      if (listed !== undefined) return listed;
      const position = this.#firstFree();
      this.#put(position, keyword);
      if (position < keywordLettersMax) {
        const letters = Array.from(this.#all()).slice(0, keywordLettersMax);
        replaceDurably(this.#path, formatKeywordList(letters));
      } else {
        this.#onBeyondLetters();
      }
      return position;
    } finally {
      lock.release();
    }
  }

  #firstFree(): number {
    for (let position = 0; position < limits.keywordsMax; position += 1) {
      if (this.#all()[position] === undefined) return position;
    }
    throw new StoreError(
      "limit",
      `Cannot add a keyword: the mailbox has ${limits.keywordsMax} already`,
    );
  }

  #put(position: number, name: string): void {
    this.#all()[position] = name;
    this.#statements.insertKeyword.run(this.#mailbox, position, name);
  }
}

/** An atom (RFC 9051 §9): sets of keywords are written with spaces between. */
export function isKeyword(name: string): boolean {
  return (
    /^[^\s\p{Cc}(){%*"\\\]]+$/u.test(name) && Buffer.byteLength(name) <= limits.keywordOctetsMax
  );
}
