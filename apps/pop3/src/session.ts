import { randomBytes } from "node:crypto";
import { bad, type CommandFailure, CommandSession } from "@posthouse/session";
import { ConnectionLost, LineTooLong, type WireConnection } from "@posthouse/wire";
import type { Completion, Session } from "./command.ts";
import { CommandLine } from "./command-line.ts";
import { commands } from "./commands.ts";
import { dotStuffed } from "./dot-stuffing.ts";
import { limits } from "./limits.ts";
import type { Maildrop } from "./maildrop.ts";
import { errorLine, failureWords, okLine } from "./reply.ts";
import type { Services } from "./services.ts";
import type { State } from "./state.ts";

/**
 * One connection of POP3: states, commands and answers; all else is CommandSession's (RFC 2449 §6.6, PIPELINING,
 * too).
 *
 * However the session ends, the maildrop is unlocked; only QUIT removes anything before.
 */
export class Pop3Session extends CommandSession<Services, Buffer> implements Session {
  readonly apopTimestamp: string | undefined;
  isUtf8 = false;
  #state: State = { name: "authorization" };
  readonly #loginTimer: NodeJS.Timeout;

  constructor(
    connection: WireConnection,
    services: Services,
    { isImplicitTls }: { readonly isImplicitTls: boolean },
  ) {
    super(connection, { services, isImplicitTls, failureWords, ...limits });
    const { pop3, hostname } = services.config;
    // RFC 1939 §7: another one in each greeting, so that no digest is of use twice.
    if (pop3.apop) this.apopTimestamp = `<${randomBytes(16).toString("hex")}@${hostname}>`;
    this.#loginTimer = setTimeout(() => this.#endUnlessLoggedIn(), limits.loginMsMax).unref();
  }

  protected get isOver(): boolean {
    return this.#state.name === "closed";
  }

  /** A timestamp in angle brackets announces APOP (RFC 2449 §6). */
  protected greet(): void {
    const timestamp = this.apopTimestamp === undefined ? "" : ` ${this.apopTimestamp}`;
    this.connection.write(
      okLine(`${this.services.config.hostname} Posthouse POP3 ready${timestamp}`),
    );
  }

  protected readCommand(): Promise<Buffer | undefined> {
    return this.connection.readLine(limits.commandBytesMax);
  }

  protected async perform(line: Buffer): Promise<void> {
    await this.#answer(await this.#run(line));
  }

  protected writeFailure(failure: CommandFailure): void {
    this.connection.write(errorLine(failure));
  }

  protected failureOf(error: unknown): CommandFailure | undefined {
    if (error instanceof BrokenAnswer) throw error;
    if (error instanceof LineTooLong) return bad(`A line has more than ${error.bytesMax} octets`);
    return undefined;
  }

  protected async leave(): Promise<void> {
    await this.#enter({ name: "closed" });
  }

  async #run(line: Buffer): Promise<Completion> {
    const args = new CommandLine(line);
    const command = commands.get(args.name);
    if (command === undefined) throw bad("Unknown command");
    this.commandName = command.name;
    if (!command.states.includes(this.#state.name)) throw bad(this.#notNow(command.name));
    try {
      const done = await command.run(this.#state, args, this);
      if (done.state !== undefined) await this.#enter(done.state);
      return done;
    } catch (error) {
      // RFC 1939 §7: PASS comes immediately after a successful USER, so a wrong one starts over.
      if (this.#state.name === "named") await this.#enter({ name: "authorization" });
      throw error;
    }
  }

  #notNow(name: string): string {
    if (name === "PASS" && this.#state.name === "authorization") return "USER comes before PASS";
    return this.#state.name === "transaction"
      ? `${name} is not allowed after login`
      : `${name} is not allowed before login`;
  }

  /**
   * Writes the answer. When its body breaks in the middle, +OK was said already and a final dot would
   * make half a message look whole: the connection ends instead. What fails behind the answer is for
   * the log: an -ERR would be taken for the answer to the next command.
   */
  async #answer({ text, body, resource, afterwards }: Completion): Promise<void> {
    this.connection.write(okLine(text));
    try {
      if (body !== undefined) await this.#writeBody(body);
    } finally {
      await this.#behindAnswer(() => resource?.[Symbol.asyncDispose]());
    }
    await this.#behindAnswer(() => afterwards?.());
  }

  async #writeBody(body: AsyncIterable<Uint8Array>): Promise<void> {
    let aheadBytes = 0;
    try {
      for await (const piece of dotStuffed(body)) {
        this.connection.write(piece);
        aheadBytes += piece.length;
        if (aheadBytes < limits.answerBytesAhead) continue;
        await this.connection.flush();
        aheadBytes = 0;
      }
    } catch (cause) {
      if (cause instanceof ConnectionLost) throw cause;
      throw new BrokenAnswer(cause);
    }
  }

  async #behindAnswer(work: () => unknown): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (error instanceof ConnectionLost) throw error;
      this.services.log.error({ err: error, command: this.commandName }, "Answered, and then this");
    }
  }

  async #enter(state: State): Promise<void> {
    const before = this.#state;
    this.#state = state;
    if (state.name !== "authorization" && state.name !== "named") clearTimeout(this.#loginTimer);
    if (before.name === "transaction") await this.#release(before.maildrop);
  }

  /** RFC 1939 §3: a client that was idle for too long is told nothing. */
  #endUnlessLoggedIn(): void {
    if (this.#state.name === "authorization" || this.#state.name === "named")
      this.closeConnection();
  }

  async #release(maildrop: Maildrop): Promise<void> {
    try {
      await maildrop[Symbol.asyncDispose]();
    } catch (error) {
      this.services.log.error({ err: error }, "Cannot close a maildrop");
    }
    this.recordLogout("pop3", maildrop.account.address);
  }
}

/** A multi-line answer that could not be finished. */
class BrokenAnswer extends Error {
  override readonly name = "BrokenAnswer";

  constructor(cause: unknown) {
    super("An answer broke off in the middle", { cause });
  }
}
