import { setImmediate as nextTurn } from "node:timers/promises";
import { AuthUnavailable } from "@posthouse/accounts";
import { StoreError } from "@posthouse/mailbox-store";
import { ConnectionLost, IdleTimeout, type WireConnection } from "@posthouse/wire";
import { capabilityLines } from "./capabilities.ts";
import type { Completion, Session } from "./command.ts";
import { CommandReader } from "./command-reader.ts";
import { commands } from "./commands.ts";
import { limits } from "./limits.ts";
import { bad, CommandFailure, Farewell, formatResponse, no, refusalOf } from "./response.ts";
import type { Services } from "./services.ts";
import type { State } from "./state.ts";

/**
 * One connection: reads a command, checks its state, runs it, writes the answer, and again. Commands
 * that come together are answered one after the other (RFC 5804 §2). Whatever a command throws becomes
 * NO or BYE here and nowhere else.
 */
export class ManageSieveSession implements Session {
  readonly services: Services;
  readonly connection: WireConnection;
  failedLogins = 0;
  #state: State = { name: "not-authenticated" };
  #badCommands = 0;
  #commandName: string | undefined;
  #isWaiting = false;
  #isClosing = false;
  #sliceBeganMs = performance.now();
  readonly #isImplicitTls: boolean;
  #loginTimer: NodeJS.Timeout | undefined;

  constructor(
    connection: WireConnection,
    services: Services,
    options: { readonly isImplicitTls: boolean },
  ) {
    this.connection = connection;
    this.#isImplicitTls = options.isImplicitTls;
    this.services = services;
    this.#startLoginTimer();
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
      this.#greet();
      while (this.#state.name !== "closed" && !this.#isClosing) {
        if (!(await this.#serveOne())) break;
      }
      if (this.#isClosing && this.#state.name !== "closed") this.#sayShuttingDown();
    } catch (error) {
      this.#endAfter(error);
    } finally {
      this.#enter({ name: "closed" });
      this.connection.close();
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

  /** RFC 5804 §1.7: the capabilities, unasked: at the beginning, and when TLS stands (§2.2). */
  #greet(): void {
    for (const line of capabilityLines(this, this.#state)) this.connection.write(line);
    const text = `${this.services.config.hostname} Posthouse ManageSieve ready`;
    this.connection.write(formatResponse("OK", { text }));
  }

  /** One command and its answer; false when the client has gone. */
  async #serveOne(): Promise<boolean> {
    try {
      await this.#pace();
      if (this.#isClosing) return true;
      const args = await this.#readCommand();
      if (args === undefined) return false;
      if (this.#isClosing) return true;
      await this.#answer(await this.#perform(args));
      this.#badCommands = 0;
    } catch (error) {
      const failure = this.#asFailure(error);
      const isLast = failure instanceof Farewell;
      this.connection.write(
        formatResponse(isLast ? "BYE" : "NO", { code: failure.code, text: failure.message }),
      );
      if (isLast) this.#enter({ name: "closed" });
      else if (failure.isSyntax) this.#countBad();
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

  async #readCommand(): Promise<CommandReader | undefined> {
    this.#isWaiting = true;
    this.#commandName = undefined;
    try {
      return await CommandReader.read(this.connection);
    } finally {
      this.#isWaiting = false;
    }
  }

  async #perform(args: CommandReader): Promise<Completion> {
    try {
      const done = await this.#run(args);
      if (done.state !== undefined) this.#enter(done.state);
      return done;
    } catch (error) {
      // A script that nobody wants is still on its way, and must not be taken for commands.
      if (!(error instanceof Farewell) && !(error instanceof ConnectionLost)) await args.skip();
      throw error;
    }
  }

  async #run(args: CommandReader): Promise<Completion> {
    const name = args.atom();
    const command = commands.get(name);
    if (command === undefined) throw bad("Unknown command");
    this.#commandName = name;
    // RFC 5804 §2: before a login all others are answered with NO.
    if (!command.states.includes(this.#state.name)) {
      throw bad(
        this.#state.name === "authenticated"
          ? `${name} is not allowed after AUTHENTICATE`
          : `${name} is not allowed before AUTHENTICATE`,
      );
    }
    return await command.run(this.#state, args, this);
  }

  async #answer({ text, code, data = [], afterwards }: Completion): Promise<void> {
    for (const piece of data) this.connection.write(piece);
    this.connection.write(formatResponse("OK", { code, text }));
    if (afterwards !== undefined) {
      await afterwards();
      this.#greet();
    }
  }

  #enter(state: State): void {
    const before = this.#state;
    this.#state = state;
    clearTimeout(this.#loginTimer);
    if (before.name === "authenticated") {
      before.slot[Symbol.dispose]();
      this.#recordLogout(before.account.address);
    }
    if (state.name === "not-authenticated") this.#startLoginTimer();
  }

  #startLoginTimer(): void {
    this.#loginTimer = setTimeout(() => {
      this.#isClosing = true;
      this.connection.write(formatResponse("BYE", { text: "Nobody has logged in" }));
      this.#enter({ name: "closed" });
      this.connection.close();
    }, limits.loginMsMax).unref();
  }

  #countBad(): void {
    this.#badCommands += 1;
    if (this.#badCommands < limits.badCommandsMax) return;
    this.connection.write(formatResponse("BYE", { text: "Too many commands that are none" }));
    this.#enter({ name: "closed" });
  }

  /** A failure that nobody foresaw is ours and not the client's: it is logged whole and told in brief. */
  #asFailure(error: unknown): CommandFailure {
    if (error instanceof CommandFailure) return error;
    if (error instanceof ConnectionLost) throw error;
    if (error instanceof AuthUnavailable) {
      return no("Cannot check passwords now: try again later", "TRYLATER");
    }
    const where = { command: this.#commandName, remoteAddress: this.connection.remoteAddress };
    if (error instanceof StoreError) {
      if (error.code === "unavailable") {
        this.services.log.error({ err: error, ...where }, "The store could not do it");
      }
      return refusalOf[error.code]();
    }
    this.services.log.error({ err: error, ...where }, "A command failed in an unforeseen way");
    return no("Internal error", "TRYLATER");
  }

  #endAfter(error: unknown): void {
    if (error instanceof IdleTimeout) {
      // RFC 5804 §1.2: BYE SHOULD be used.
      this.connection.write(formatResponse("BYE", { text: "Idle for too long" }));
      return;
    }
    if (error instanceof ConnectionLost) return;
    const { remoteAddress } = this.connection;
    this.services.log.error({ err: error, remoteAddress }, "A session was cut off in the middle");
    this.connection.destroy();
  }

  #sayShuttingDown(): void {
    const text = "The server is shutting down";
    this.connection.write(formatResponse("BYE", { code: "TRYLATER", text }));
  }

  #recordLogout(account: string): void {
    const { remoteAddress, bytesRead, bytesWritten } = this.connection;
    this.services.events.record({
      type: "logout",
      protocol: "managesieve",
      account,
      remoteAddress,
      bytesRead,
      bytesWritten,
    });
  }
}

/** 127.0.0.0/8 and ::1. */
const isLoopback = (address: string): boolean => address === "::1" || address.startsWith("127.");
