import { bad } from "./reply.ts";

/** The largest number that can mean something; more digits are not read. */
const numberDigitsMax = 10;

/**
 * One command of RFC 2449 §3: a keyword in any case, and what follows it. Methods read arguments in
 * their order, and throw -ERR where one is missing or is not what it should be.
 */
export class CommandLine {
  readonly name: string;
  /** Behind the keyword and one space. */
  #rest: string;

  /** @throws CommandFailure for an octet that is no printable ASCII */
  constructor(line: Buffer) {
    if (!isPrintableAscii(line)) throw bad("A command is printable ASCII only");
    const text = line.toString("latin1");
    const space = text.indexOf(" ");
    this.name = (space === -1 ? text : text.slice(0, space)).toUpperCase();
    this.#rest = space === -1 ? "" : text.slice(space + 1);
  }

  /** All that is left, spaces too: a password may have some (RFC 1939 §7, PASS). */
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

  optionalWord(): string | undefined {
    // Clients send more than one space, and some at the end of the line.
    const [found, word] = /^ *([^ ]+) */.exec(this.#rest) ?? [];
    if (found === undefined) return undefined;
    this.#rest = this.#rest.slice(found.length);
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
}

function numberOf(word: string, what: string): number {
  if (!/^\d+$/.test(word) || word.length > numberDigitsMax) throw bad(`Expected ${what}`);
  return Number(word);
}

function isPrintableAscii(line: Uint8Array): boolean {
  return line.every((octet) => octet >= 0x20 && octet <= 0x7e);
}
