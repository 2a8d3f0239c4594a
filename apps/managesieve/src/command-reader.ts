import { bad, Farewell } from "@posthouse/session";
import { isScriptName } from "@posthouse/sieve/check";
import { ConnectionLost, LineTooLong, type WireConnection } from "@posthouse/wire";
import { limits } from "./limits.ts";
import { no } from "./response.ts";

/** A string whose octets may still be on their way. */
export interface IncomingString {
  readonly sizeBytes: number;
  /** Reads them; at most once. */
  octets(): Promise<Buffer>;
}

/** RFC 5804 §4, number: 32 bits. */
const numberMax = 2 ** 32 - 1;

/**
 * One command as it comes in, RFC 5804 §4: a line, and where it ends in `{n+}` n octets and a further
 * line. Its methods are the grammar's rules, in the order of the command.
 *
 * A client sends literals unasked. So what a refused command still has of them must be read and thrown
 * away, or its script would be taken for commands: that is skip().
 */
export class CommandReader {
  readonly #connection: Pick<WireConnection, "readLine" | "readOctets">;
  #line: string;
  #at = 0;
  /** Of a literal that was announced, until it is read. */
  #announcedBytes: number | undefined;

  private constructor(connection: Pick<WireConnection, "readLine" | "readOctets">, line: string) {
    this.#connection = connection;
    this.#line = line;
  }

  /** Undefined when the client has closed. @throws CommandFailure, ConnectionLost */
  static async read(
    connection: Pick<WireConnection, "readLine" | "readOctets">,
  ): Promise<CommandReader | undefined> {
    const line = await readLine(connection);
    return line === undefined ? undefined : new CommandReader(connection, line);
  }

  get isAtEnd(): boolean {
    return this.#at === this.#line.length;
  }

  /** RFC 5804 §4, atom: in capitals. */
  atom(): string {
    const [word] = this.#take(/[!#-'*-[\]-z|-~]{1,1024}/y) ?? [];
    if (word === undefined) throw bad("A command begins with its name");
    return word.toUpperCase();
  }

  sp(): void {
    if (this.#take(/ /y) === undefined) throw bad("An argument is missing, or the space before it");
  }

  /** RFC 5804 §4, number. */
  number(what: string): number {
    const [digits] = this.#take(/0|[1-9][0-9]{0,9}/y) ?? [];
    if (digits === undefined || Number(digits) > numberMax) throw bad(`Expected ${what}: a number`);
    return Number(digits);
  }

  /** RFC 5804 §4, string, of which nothing is read yet. */
  openString(what: string): IncomingString {
    const [, escaped] = this.#take(/"((?:[^"\\\0]|\\["\\])*)"/y) ?? [];
    if (escaped !== undefined) {
      const octets = Buffer.from(escaped.replaceAll(/\\(["\\])/g, "$1"), "latin1");
      return { sizeBytes: octets.length, octets: () => Promise.resolve(octets) };
    }
    const sizeBytes = literalBytes(this.#line.slice(this.#at));
    if (sizeBytes === undefined) throw bad(`Expected ${what}: "quoted", or octets behind {n+}`);
    this.#announcedBytes = sizeBytes;
    return { sizeBytes, octets: () => this.#readLiteral() };
  }

  /** RFC 5804 §4, string. */
  async string(what: string, bytesMax: number): Promise<Buffer> {
    const string = this.openString(what);
    if (string.sizeBytes > bytesMax) throw bad(`At most ${bytesMax} octets for ${what}`);
    return await string.octets();
  }

  /** A string of UTF-8. */
  async text(what: string, bytesMax: number): Promise<string> {
    const octets = await this.string(what, bytesMax);
    try {
      return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(octets);
    } catch {
      throw bad(`Expected ${what} in UTF-8`);
    }
  }

  /** RFC 5804 §4, sieve-name. */
  async scriptName(): Promise<string> {
    const name = await this.text("the name of a script", limits.nameBytesMax);
    if (isScriptName(name)) return name;
    throw no("The name of a script has 1 to 128 characters, and no control characters");
  }

  /** RFC 5804 §4, active-sieve-name: undefined for the empty one. */
  async activeScriptName(): Promise<string | undefined> {
    const isEmpty = this.#take(/""/y) !== undefined || this.#line.slice(this.#at) === "{0+}";
    if (!isEmpty) return await this.scriptName();
    if (!this.isAtEnd) await this.string("the name of a script", 0);
    return undefined;
  }

  end(): void {
    if (!this.isAtEnd) throw bad("There is more than this command takes");
  }

  /**
   * Reads what is left of the command and throws it away. What stands in the line may be anything;
   * only `{n+}` at its end has a meaning.
   *
   * @throws Farewell when that would be too much
   */
  async skip(): Promise<void> {
    let skippedBytes = 0;
    for (;;) {
      const bytes = this.#announcedBytes ?? literalBytes(/\{[^{]*$/.exec(this.#rest)?.[0] ?? "");
      if (bytes === undefined) return;
      skippedBytes += bytes;
      if (skippedBytes > limits.skippedBytesMax) {
        throw new Farewell("That is more than anything here may have", { code: "QUOTA/MAXSIZE" });
      }
      for await (const _ of this.#connection.readOctets(bytes));
      await this.#nextLine();
    }
  }

  get #rest(): string {
    return this.#line.slice(this.#at);
  }

  async #readLiteral(): Promise<Buffer> {
    const pieces: Buffer[] = [];
    const bytes = this.#announcedBytes ?? 0;
    for await (const piece of this.#connection.readOctets(bytes)) pieces.push(piece);
    await this.#nextLine();
    return Buffer.concat(pieces, bytes);
  }

  async #nextLine(): Promise<void> {
    this.#announcedBytes = undefined;
    const line = await readLine(this.#connection);
    if (line === undefined) throw new ConnectionLost("The client went away inside a command");
    this.#line = line;
    this.#at = 0;
  }

  #take(sticky: RegExp): RegExpExecArray | undefined {
    sticky.lastIndex = this.#at;
    const found = sticky.exec(this.#line);
    if (found === null) return undefined;
    this.#at += found[0].length;
    return found;
  }
}

/** RFC 5804 §4, literal-c2s. A number with too many digits is larger than all that is taken. */
function literalBytes(text: string): number | undefined {
  const [, digits] = /^\{([0-9]+)\+\}$/.exec(text) ?? [];
  return digits === undefined ? undefined : Number(digits);
}

/** Of octets, one a character: a line that is no UTF-8 is still a line. */
async function readLine(connection: Pick<WireConnection, "readLine">): Promise<string | undefined> {
  try {
    return (await connection.readLine(limits.lineBytesMax))?.toString("latin1");
  } catch (error) {
    if (!(error instanceof LineTooLong)) throw error;
    // Whether it ended in a literal is not known any more, and so not where the next command begins.
    throw new Farewell(`A line has ${error.bytesMax} octets at most; longer ones are sent as {n+}`);
  }
}
