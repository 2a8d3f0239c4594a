import { randomBytes } from "node:crypto";
import { setImmediate as nextTurn } from "node:timers/promises";
import { AuthUnavailable } from "@posthouse/accounts";
import { StoreError } from "@posthouse/mailbox-store";
import { ConnectionLost, LineTooLong, type WireConnection } from "@posthouse/wire";
import type { Completion, Session } from "./command.ts";
import { CommandLine } from "./command-line.ts";
import { commands } from "./commands.ts";
import { dotStuffed } from "./dot-stuffing.ts";
import { limits } from "./limits.ts";
import type { Maildrop } from "./maildrop.ts";
import { bad, CommandFailure, errorLine, Farewell, okLine, refusalOf, refused } from "./reply.ts";
import type { Services } from "./services.ts";
import type { State } from "./state.ts";

/**
 * One connection: reads a command, checks its state, runs it, writes the answer, and again. Commands
 * that come together are answered one after the other (RFC 2449 §6.6). Whatever a command throws
 * becomes -ERR here and nowhere else.
 *
 * However the session ends, the maildrop is unlocked; only QUIT removes anything before.
 */
export class Pop3Session implements Session {
  readonly services: Services;
  readonly connection: WireConnection;
  readonly apopTimestamp: string | undefined;
  isUtf8 = false;
  failedLogins = 0;
  #state: State = { name: "authorization" };
  #badCommands = 0;
  #commandName: string | undefined;
  #isWaiting = false;
  #isClosing = false;
  #sliceBeganMs = performance.now();
  readonly #isImplicitTls: boolean;
  readonly #loginTimer: NodeJS.Timeout;

  constructor(
    connection: WireConnection,
    services: Services,
    options: { readonly isImplicitTls: boolean },
  ) {
    this.connection = connection;
    this.#isImplicitTls = options.isImplicitTls;
    this.services = services;
    const { pop3, hostname } = services.config;
    // RFC 1939 §7: another one in each greeting, so that no digest is of use twice.
    if (pop3.apop) this.apopTimestamp = `<${randomBytes(16).toString("hex")}@${hostname}>`;
    this.#loginTimer = setTimeout(() => this.#endUnlessLoggedIn(), limits.loginMsMax).unref();
  }

  get isLoginAllowed(): boolean {
    if (this.connection.isEncrypted) return true;
    const { allowPlaintextFrom } = this.services.config.auth;
    return allowPlaintextFrom === "loopback" && isLoopback(this.connection.remoteAddress);
  }

  /** Serves the client until one of the two ends it. Never rejects. */
  async run(): Promise<void> {
    try {
      // At each connection anew, so that a renewed certificate is shown from the next one on.
      if (this.#isImplicitTls) await this.connection.startTls(this.services.tls.options());
      // A timestamp in angle brackets announces APOP (RFC 2449 §6).
      const { hostname } = this.services.config;
      const timestamp = this.apopTimestamp === undefined ? "" : ` ${this.apopTimestamp}`;
      this.connection.write(okLine(`${hostname} Posthouse POP3 ready${timestamp}`));
      while (this.#state.name !== "closed" && !this.#isClosing) {
        if (!(await this.#serveOne())) break;
      }
      if (this.#isClosing && this.#state.name !== "closed") this.#sayShuttingDown();
    } catch (error) {
      this.#endAfter(error);
    } finally {
      await this.#leave();
    }
  }

  /** Ends the session soon: at once where the client is waited for, else behind the running command. */
  close(): void {
    this.#isClosing = true;
    if (!this.#isWaiting) return;
    this.#sayShuttingDown();
    this.connection.close();
  }

  /** Ends the connection at once. */
  destroy(): void {
    this.connection.destroy();
  }

  /** One command and its answer; false when the client has gone. */
  async #serveOne(): Promise<boolean> {
    try {
      await this.#pace();
      if (this.#isClosing) return true;
      const line = await this.#readLine();
      if (line === undefined) return false;
      if (this.#isClosing) return true;
      await this.#answer(await this.#perform(line));
      this.#badCommands = 0;
    } catch (error) {
      const failure = this.#asFailure(error);
      this.connection.write(errorLine(failure));
      // What is written leaves when the lock was given back: the client may come again at once.
      if (failure instanceof Farewell) await this.#enter({ name: "closed" });
      else if (failure.isSyntax) await this.#countBad();
    }
    return true;
  }

  /**
   * Commands that come together share one slice of work, and none is read while the client leaves the
   * answers to those before it unread: else they would pile up here without a bound.
   */
  async #pace(): Promise<void> {
    if (performance.now() - this.#sliceBeganMs < limits.sliceMs) return;
    await this.connection.flush();
    await nextTurn();
    this.#sliceBeganMs = performance.now();
  }

  async #readLine(): Promise<Buffer | undefined> {
    this.#isWaiting = true;
    try {
      return await this.connection.readLine(limits.commandBytesMax);
    } finally {
      this.#isWaiting = false;
    }
  }

  async #perform(line: Buffer): Promise<Completion> {
    this.#commandName = undefined;
    const args = new CommandLine(line);
    const command = commands.get(args.name);
    if (command === undefined) throw bad("Unknown command");
    this.#commandName = command.name;
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
      this.services.log.error(
        { err: error, command: this.#commandName },
        "Answered, and then this",
      );
    }
  }

  async #enter(state: State): Promise<void> {
    const before = this.#state;
    this.#state = state;
    if (state.name !== "authorization" && state.name !== "named") clearTimeout(this.#loginTimer);
    if (before.name === "transaction") await this.#release(before.maildrop);
  }

  async #countBad(): Promise<void> {
    this.#badCommands += 1;
    if (this.#badCommands < limits.badCommandsMax) return;
    this.connection.write(errorLine(refused("Too many commands that are none")));
    await this.#enter({ name: "closed" });
  }

  /** A failure that nobody foresaw is ours and not the client's: it is logged whole and told in brief. */
  #asFailure(error: unknown): CommandFailure {
    if (error instanceof CommandFailure) return error;
    if (error instanceof ConnectionLost || error instanceof BrokenAnswer) throw error;
    if (error instanceof LineTooLong) return bad(`A line has more than ${error.bytesMax} octets`);
    if (error instanceof AuthUnavailable) {
      return refused("Cannot check passwords now: try again later", "SYS/TEMP");
    }
    const where = { command: this.#commandName, remoteAddress: this.connection.remoteAddress };
    if (error instanceof StoreError) {
      if (error.code !== "gone") {
        this.services.log.error({ err: error, ...where }, "The store could not do it");
      }
      return refusalOf[error.code]();
    }
    this.services.log.error({ err: error, ...where }, "A command failed in an unforeseen way");
    return refused("Internal error", "SYS/TEMP");
  }

  /** RFC 1939 §3: a client that was idle for too long is told nothing, and neither is one that went away. */
  #endAfter(error: unknown): void {
    if (error instanceof ConnectionLost) return;
    const { remoteAddress } = this.connection;
    const err = error instanceof BrokenAnswer ? error.cause : error;
    this.services.log.error({ err, remoteAddress }, "A session was cut off in the middle");
    this.connection.destroy();
  }

  #endUnlessLoggedIn(): void {
    if (this.#state.name === "authorization" || this.#state.name === "named") {
      this.connection.close();
      this.#isClosing = true;
    }
  }

  #sayShuttingDown(): void {
    this.connection.write(errorLine(refused("The server is shutting down", "SYS/TEMP")));
  }

  async #leave(): Promise<void> {
    await this.#enter({ name: "closed" });
    this.connection.close();
  }

  async #release(maildrop: Maildrop): Promise<void> {
    const { connection, services } = this;
    try {
      await maildrop[Symbol.asyncDispose]();
    } catch (error) {
      services.log.error({ err: error }, "Cannot close a maildrop");
    }
    services.events.record({
      type: "logout",
      protocol: "pop3",
      account: maildrop.account.address,
      remoteAddress: connection.remoteAddress,
      bytesRead: connection.bytesRead,
      bytesWritten: connection.bytesWritten,
    });
  }
}

/** A multi-line answer that could not be finished. */
class BrokenAnswer extends Error {
  override readonly name = "BrokenAnswer";

  constructor(cause: unknown) {
    super("An answer broke off in the middle", { cause });
  }
}

/** 127.0.0.0/8 and ::1. */
const isLoopback = (address: string): boolean => address === "::1" || address.startsWith("127.");
