import type { Hierarchy } from "@posthouse/mailbox-store";
import { ConnectionLost, type WireConnection } from "@posthouse/wire";
import { limits } from "./limits.ts";
import { bad, type CommandFailure, Farewell } from "./response.ts";
import type { ResponseWriter } from "./response-writer.ts";
import { CommandReader, type LiteralHeader, literalAtEnd } from "./syntax/command-reader.ts";
import { ownHierarchy } from "./syntax/mailbox-hierarchy.ts";

// tag is 1*ASTRING-CHAR without "+" (RFC 3501 §9); the name is a word, or UID and a word.
const tagPattern = /^[!#$&',\-./0-9:;<=>?@A-Z[\]^_`a-z|}~]+(?= |$)/;
const namePattern = /^ (uid [a-z]+|[a-z\d.-]+)/i;

/**
 * Whether a literal is left for the command to read: from the arguments of its first line, and how
 * many literals have been gathered before.
 */
export type TakesLiteral = (argumentsSoFar: string, literalsBefore: number) => boolean;

/** Stands where a literal was that nobody keeps. */
const notKept = Buffer.alloc(0);

/**
 * One command on its way in.
 *
 * A command is lines with literals between them. Its literals are small, and are gathered before it
 * runs, so that its arguments can be read at once. The exception is APPEND and its like: gathering stops
 * in front of the first message, and the command takes the octets of each as they come. The line behind
 * them is then there for its reader, which goes on with it.
 *
 * Whatever happens, finish() leaves the connection at the beginning of the next command: what the
 * client was told to send, or sends unasked (RFC 7888), is read and dropped.
 */
export class IncomingCommand {
  /** `*` where there was none: the answer to such a line is untagged. */
  readonly tag: string;
  /** In capitals; empty where there was none. */
  readonly name: string;
  /** How the names of mailboxes in it are to be read. */
  hierarchy: Hierarchy = ownHierarchy;
  /** The names of mailboxes in it are in UTF-8. */
  hasUtf8Names = false;
  readonly #connection: WireConnection;
  readonly #output: ResponseWriter;
  readonly #argumentsAt: number;
  readonly #lines: string[];
  readonly #literals: Buffer[] = [];
  /** The literal that the last line announces and that nobody has asked for. */
  #announced: LiteralHeader | undefined;
  #unaskedBytesMax = Number.POSITIVE_INFINITY;
  /** Of lines and literals that are kept. */
  #gatheredBytes: number;
  /** Octets still to come of a literal that was begun; its line goes on after them. */
  #unreadBytes: number | undefined;

  private constructor(connection: WireConnection, output: ResponseWriter, line: string) {
    this.#connection = connection;
    this.#output = output;
    this.#lines = [line];
    this.#gatheredBytes = line.length;
    this.#announced = literalAtEnd(line);
    const [tag = ""] = tagPattern.exec(line) ?? [];
    const [start = "", name = ""] = namePattern.exec(line.slice(tag.length)) ?? [];
    this.tag = tag === "" ? "*" : tag;
    this.name = tag === "" ? "" : name.toUpperCase();
    this.#argumentsAt = tag.length + start.length;
  }

  /** The next one; undefined when the client has gone. */
  static async read(
    connection: WireConnection,
    output: ResponseWriter,
  ): Promise<IncomingCommand | undefined> {
    output.drain();
    const line = await connection.readLine(limits.lineBytesMax);
    return line && new IncomingCommand(connection, output, line.toString("latin1"));
  }

  /** No command at all. */
  get isEmptyLine(): boolean {
    return this.#lines[0] === "" && this.#lines.length === 1;
  }

  /** What gather() has read. */
  get args(): CommandReader {
    return new CommandReader(
      this.#lines,
      this.#literals,
      this.#argumentsAt,
      this.hierarchy,
      this.hasUtf8Names,
    );
  }

  /** Reads all literals and lines, up to a literal that `takesLiteral` leaves for the command. */
  async gather(options: {
    readonly literalBytesMax: number;
    /** Literals that come unasked may be no longer than this (RFC 7888 §5, LITERAL-). */
    readonly unaskedBytesMax: number;
    readonly takesLiteral?: TakesLiteral | undefined;
    /** Why a literal that is too large is refused, where that is not BAD. */
    readonly refuseLiteral?: (() => CommandFailure) | undefined;
  }): Promise<void> {
    this.#unaskedBytesMax = options.unaskedBytesMax;
    while (this.#announced !== undefined) {
      this.#refuseUnasked(this.#announced);
      const [line = ""] = this.#lines;
      if (options.takesLiteral?.(line.slice(this.#argumentsAt), this.#literals.length)) return;
      if (this.#announced.lengthBytes > options.literalBytesMax && options.refuseLiteral) {
        throw options.refuseLiteral();
      }
      await this.gatherLiteral(options.literalBytesMax);
    }
  }

  /** Reads the announced literal into memory, and the line behind it. */
  async gatherLiteral(literalBytesMax: number): Promise<void> {
    const { lengthBytes } = this.#announced ?? { lengthBytes: 0 };
    if (lengthBytes > literalBytesMax) {
      throw bad(`A literal has more than ${literalBytesMax} octets`, "TOOBIG");
    }
    const pieces = await Array.fromAsync(this.#beginLiteral());
    this.#gatheredBytes += lengthBytes;
    await this.#goOn(Buffer.concat(pieces));
  }

  /**
   * The octets of the literal that reading stopped at. The client is told to send them when the first is
   * asked for. Then the line behind them is read.
   */
  async *literalOctets(): AsyncGenerator<Uint8Array> {
    yield* this.#beginLiteral();
    // What stands before has been read and acted upon: a long MULTIAPPEND keeps one line, not all.
    this.#lines.fill("");
    this.#gatheredBytes = 0;
    await this.#goOn(notKept);
  }

  async #goOn(literal: Buffer): Promise<void> {
    const next = await this.#readOn();
    this.#literals.push(literal);
    this.#lines.push(next);
    this.#gatheredBytes += next.length;
    if (this.#gatheredBytes > limits.commandBytesMax) {
      throw bad(`A command has more than ${limits.commandBytesMax} octets`, "TOOBIG");
    }
  }

  /** Reads and drops what is left of the command. */
  async finish(): Promise<void> {
    for (;;) {
      if (this.#unreadBytes === undefined) {
        // Nobody said "+", so the client will not send it (RFC 3501 §7.5).
        if (this.#announced === undefined || this.#announced.isSynchronising) return;
        this.#unreadBytes = this.#announced.lengthBytes;
      }
      if (this.#unreadBytes > limits.discardedBytesMax) {
        throw new Farewell("TOOBIG", "That literal is too large to be read to its end");
      }
      for await (const piece of this.#connection.readOctets(this.#unreadBytes)) {
        this.#unreadBytes -= piece.length;
      }
      await this.#readOn();
    }
  }

  #refuseUnasked({ lengthBytes, isSynchronising }: LiteralHeader): void {
    if (isSynchronising || lengthBytes <= this.#unaskedBytesMax) return;
    throw bad(`A literal has more than ${this.#unaskedBytesMax} octets`, "TOOBIG");
  }

  async *#beginLiteral(): AsyncGenerator<Uint8Array> {
    if (this.#announced === undefined) return;
    this.#refuseUnasked(this.#announced);
    const { lengthBytes, isSynchronising } = this.#announced;
    if (isSynchronising) this.#output.continuation("OK");
    this.#announced = undefined;
    this.#unreadBytes = lengthBytes;
    for await (const piece of this.#connection.readOctets(lengthBytes)) {
      this.#unreadBytes -= piece.length;
      yield piece;
    }
  }

  /** The line after a literal, which may announce the next. */
  async #readOn(): Promise<string> {
    this.#unreadBytes = undefined;
    this.#announced = undefined;
    const line = await this.#connection.readLine(limits.lineBytesMax);
    if (line === undefined) throw new ConnectionLost("The client went away inside a command");
    const text = line.toString("latin1");
    this.#announced = literalAtEnd(text);
    return text;
  }
}
