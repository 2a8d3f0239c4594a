import { setImmediate as nextTurn } from "node:timers/promises";
import { type AuthenticateResult, AuthUnavailable, type LoginProtocol } from "@posthouse/accounts";
import { StoreError, type StoreErrorCode } from "@posthouse/mailbox-store";
import {
  type AppContext,
  isLoopback,
  type ServedSession,
  type TlsIdentity,
} from "@posthouse/service";
import { ConnectionLost, IdleTimeout, type WireConnection } from "@posthouse/wire";
import { CommandFailure, Farewell } from "./command-failure.ts";

/** What a session needs of the process. */
export interface SessionServices extends Pick<AppContext, "config" | "log" | "events"> {
  readonly tls: TlsIdentity;
}

/** What failures are called in a protocol. */
export interface FailureWords {
  /** The code of what is ours and may pass. */
  readonly transient: string;
  /** Of the last word to whom a login counts no longer. */
  readonly loginEnded?: string;
  /** The store's words in the protocol's. The store's own message names paths and stays in the log. */
  readonly refusalOf: Readonly<Record<StoreErrorCode, () => CommandFailure>>;
  /** Refusals of the store that somebody should hear of. */
  readonly isLogged: (code: StoreErrorCode) => boolean;
}

export interface CommandSessionOptions<Services extends SessionServices> {
  readonly services: Services;
  readonly isImplicitTls: boolean;
  readonly failureWords: FailureWords;
  /** The longest stretch of commands that came together before other connections get a turn. */
  readonly sliceMs: number;
  /** Commands in a row that were no commands. */
  readonly badCommandsMax: number;
  /** For the command that runs when the login ends; then the connection is cut. */
  readonly endedLoginMsMax: number;
}

/**
 * One connection: reads a command, has it run and answered, and again. Commands that come together are
 * answered one after the other. Whatever a command throws becomes an answer here and nowhere else.
 *
 * A protocol says how a command is read and what is written; `leave()` is called however it ends.
 */
export abstract class CommandSession<Services extends SessionServices, Line>
  implements ServedSession
{
  readonly services: Services;
  readonly connection: WireConnection;
  /** Wrong passwords so far. */
  failedLogins = 0;
  /** For the log; undefined where the client's word is not one of ours. */
  protected commandName: string | undefined;
  readonly #options: CommandSessionOptions<Services>;
  #badCommands = 0;
  #isWaiting = false;
  #isClosing = false;
  #farewell: Farewell;
  #login: Disposable | undefined;
  #sliceBeganMs = performance.now();

  constructor(connection: WireConnection, options: CommandSessionOptions<Services>) {
    this.connection = connection;
    this.services = options.services;
    this.#options = options;
    const { transient: code } = options.failureWords;
    this.#farewell = new Farewell("The server is shutting down", { code });
  }

  /** True in the state behind the last answer. */
  protected abstract readonly isOver: boolean;
  protected abstract greet(): void;
  /** Undefined when the client has closed. */
  protected abstract readCommand(): Promise<Line | undefined>;
  /** Runs a command and writes its answer. */
  protected abstract perform(command: Line): Promise<void>;
  protected abstract writeFailure(failure: CommandFailure): void;
  /** Enters the last state, if it is not in it, and gives back what the session has. */
  protected abstract leave(): void | Promise<void>;
  /** What an error of the protocol's own means; undefined for all others. */
  protected abstract failureOf(error: unknown): CommandFailure | undefined;
  /** The client was silent for too long. By default it is told nothing. */
  protected sayIdle(): void {}

  /** A password may be sent as things are: in TLS, or where the configuration allows. */
  get isLoginAllowed(): boolean {
    if (this.connection.isEncrypted) return true;
    const { allowPlaintextFrom } = this.services.config.auth;
    return allowPlaintextFrom === "loopback" && isLoopback(this.connection.remoteAddress);
  }

  /** Serves the client until one of the two ends it. Never rejects. */
  async run(): Promise<void> {
    try {
      // At each connection anew, so that a renewed certificate is shown from the next one on.
      if (this.#options.isImplicitTls) await this.connection.startTls(this.services.tls.options());
      this.greet();
      while (!this.isOver && !this.#isClosing) {
        if (!(await this.#serveOne())) break;
      }
      if (this.#isClosing && !this.isOver) this.writeFailure(this.#farewell);
    } catch (error) {
      this.#endAfter(error);
    } finally {
      this.forgetLogin();
      await this.leave();
      this.connection.close();
    }
  }

  /** Ends the session soon: at once where the client is waited for, else behind the running command. */
  close(): void {
    this.#isClosing = true;
    if (!this.#isWaiting) return;
    this.writeFailure(this.#farewell);
    this.connection.close();
  }

  /** From here on the session lasts no longer than the login that it rests on. */
  watchLogin(result: AuthenticateResult): void {
    if (result.kind === "ok") this.#login = result.onEnd?.(() => this.#endLogin());
  }

  protected forgetLogin(): void {
    this.#login?.[Symbol.dispose]();
    this.#login = undefined;
  }

  #endLogin(): void {
    const { failureWords, endedLoginMsMax } = this.#options;
    this.#farewell = new Farewell("Your login has ended: log in again", {
      code: failureWords.loginEnded,
    });
    this.close();
    setTimeout(() => this.destroy(), endedLoginMsMax).unref();
  }

  /** Ends the connection at once. */
  destroy(): void {
    this.connection.destroy();
  }

  /** Ends the connection behind what is written, without a further word. */
  protected closeConnection(): void {
    this.#isClosing = true;
    this.connection.close();
  }

  protected recordLogout(protocol: LoginProtocol, account: string): void {
    const { remoteAddress, bytesRead, bytesWritten } = this.connection;
    this.services.events.record({
      type: "logout",
      protocol,
      account,
      remoteAddress,
      bytesRead,
      bytesWritten,
    });
  }

  /** One command and its answer; false when the client has gone. */
  async #serveOne(): Promise<boolean> {
    try {
      await this.#pace();
      if (this.#isClosing) return true;
      const command = await this.#read();
      if (command === undefined) return false;
      if (this.#isClosing) return true;
      await this.perform(command);
      this.#badCommands = 0;
    } catch (error) {
      const failure = this.#asFailure(error);
      this.writeFailure(failure);
      // What is written leaves when all was given back: the client may come again at once.
      if (failure instanceof Farewell) await this.leave();
      else if (failure.isSyntax) await this.#countBad();
    }
    return true;
  }

  /**
   * Commands that come together share one slice of work, and none is read while the client leaves the
   * answers to those before it unread: else they would pile up here without a bound.
   */
  async #pace(): Promise<void> {
    if (performance.now() - this.#sliceBeganMs < this.#options.sliceMs) return;
    await this.connection.flush();
    await nextTurn();
    this.#sliceBeganMs = performance.now();
  }

  async #read(): Promise<Line | undefined> {
    this.#isWaiting = true;
    this.commandName = undefined;
    try {
      return await this.readCommand();
    } finally {
      this.#isWaiting = false;
    }
  }

  async #countBad(): Promise<void> {
    this.#badCommands += 1;
    if (this.#badCommands < this.#options.badCommandsMax) return;
    this.writeFailure(new Farewell("Too many commands that are none"));
    await this.leave();
  }

  /** A failure that nobody foresaw is ours and not the client's: it is logged whole and told in brief. */
  #asFailure(error: unknown): CommandFailure {
    if (error instanceof CommandFailure) return error;
    if (error instanceof ConnectionLost) throw error;
    const { refusalOf, isLogged, transient: code } = this.#options.failureWords;
    if (error instanceof AuthUnavailable) {
      return new CommandFailure("Cannot check passwords now: try again later", { code });
    }
    const where = { command: this.commandName, remoteAddress: this.connection.remoteAddress };
    if (error instanceof StoreError) {
      if (isLogged(error.code)) {
        this.services.log.error({ err: error, ...where }, "The store could not do it");
      }
      return refusalOf[error.code]();
    }
    const known = this.failureOf(error);
    if (known !== undefined) return known;
    this.services.log.error({ err: error, ...where }, "A command failed in an unforeseen way");
    return new CommandFailure("Internal error", { code });
  }

  #endAfter(error: unknown): void {
    if (error instanceof IdleTimeout) this.sayIdle();
    if (error instanceof ConnectionLost) return;
    const { remoteAddress } = this.connection;
    this.services.log.error({ err: error, remoteAddress }, "A session was cut off in the middle");
    this.connection.destroy();
  }
}
