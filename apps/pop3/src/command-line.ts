import { bad } from "@posthouse/session";

/** The largest number that can mean something; more digits are not read. */
const numberDigitsMax = 10;

/**
 * One command of RFC 2449 §3: a keyword in any case, and what follows it. Methods read arguments in
 * their order, and throw -ERR where one is missing or is not what it should be. Only names and passwords
 * have more than ASCII: text().
 */
export class CommandLine {
  readonly name: string;
  /** Behind the keyword and one space. */
  #rest: string;

  /** @throws CommandFailure for what is no UTF-8, and for control characters */
  constructor(line: Buffer) {
    const text = readText(line);
    const space = text.indexOf(" ");
    this.name = (space === -1 ? text : text.slice(0, space)).toUpperCase();
    this.#rest = space === -1 ? "" : text.slice(space + 1);
  }

  /** All that is left, spaces too: a password may have some (RFC 1939 §7, PASS). UTF-8: RFC 6856 §2.2. */
  text(what: string): string {
    const text = this.#rest;
    this.#rest = "";
    if (text === "") throw bad(`${this.name} needs ${what}`);
    return text;
  }

  /** The next word. */
  word(what: string): string {
    const word = this.optionalWord();
    if (word === undefined) throw bad(`${this.name} needs ${what}`);
    return word;
  }

  /** The next word, of whatever characters. */
  userName(): string {
    const word = this.#nextWord();
    if (word === undefined) throw bad(`${this.name} needs a user name`);
    return word;
  }

  optionalWord(): string | undefined {
    const word = this.#nextWord();
    if (word !== undefined && !isAscii(word)) throw bad(`${this.name} takes ASCII only`);
    return word;
  }

  number(what: string): number {
    return numberOf(this.word(what), what);
  }

  optionalNumber(what: string): number | undefined {
    const word = this.optionalWord();
    return word === undefined ? undefined : numberOf(word, what);
  }

  end(): void {
    if (this.#rest.trim() !== "") throw bad(`${this.name} has too many arguments`);
  }

  #nextWord(): string | undefined {
    // Clients send more than one space, and some at the end of the line.
    const [found, word] = /^ *([^ ]+) */.exec(this.#rest) ?? [];
    this.#rest = this.#rest.slice(found?.length ?? 0);
    return word;
  }
}

function numberOf(word: string, what: string): number {
  if (!/^\d+$/.test(word) || word.length > numberDigitsMax) throw bad(`Expected ${what}`);
  return Number(word);
}

const isAscii = (text: string): boolean => /^[ -~]*$/.test(text);

function readText(line: Uint8Array): string {
  let text: string;
  try {
    text = utf8.decode(line);
  } catch {
    throw bad("A command is UTF-8");
  }
  if (/\p{Cc}/u.test(text)) throw bad("A command has no control characters");
  return text;
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
