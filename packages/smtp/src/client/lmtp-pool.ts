import { connectSmtp } from "./connect.ts";
import { SmtpConnectionError } from "./connection-error.ts";
import type { ClientLog } from "./conversation.ts";
import type { SmtpClientSession } from "./session.ts";
import type { SmtpTimeouts } from "./timeouts.ts";

export interface LmtpPoolOptions {
  readonly socketPath: string;
  readonly heloName: string;
  /** Sessions at the same time; who comes when all are in use waits for its turn. */
  readonly sizeMax: number;
  /** How long an unused session is kept. Less than the server's own limit. */
  readonly idleMs: number;
  readonly timeouts?: Partial<SmtpTimeouts>;
  readonly log?: ClientLog;
}

interface IdleSession {
  readonly session: SmtpClientSession;
  readonly timer: NodeJS.Timeout;
}

/** Warm LMTP sessions to one unix socket, for the hop from smtp-in to lmtp-delivery. */
export class LmtpPool implements AsyncDisposable {
  readonly #options: LmtpPoolOptions;
  readonly #idle: IdleSession[] = [];
  readonly #waiting: (() => void)[] = [];
  #inUse = 0;
  #isClosed = false;

  constructor(options: LmtpPoolOptions) {
    this.#options = options;
  }

  /**
   * Lends a session for one piece of work. When a warm session turns out to be dead before the server
   * said anything about MAIL, the work is done once more on a new one: until then no octet of the
   * message was asked for, so the same `octets` can be given again.
   */
  async use<T>(work: (session: SmtpClientSession) => Promise<T>): Promise<T> {
    await this.#enter();
    try {
      return await this.#run(work);
    } finally {
      this.#leave();
    }
  }

  /** Ends the unused sessions; those in use end when they are given back. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all(this.#idle.splice(0).map(endIdle));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #run<T>(work: (session: SmtpClientSession) => Promise<T>): Promise<T> {
    const warm = this.#takeIdle();
    if (warm !== undefined) {
      try {
        return await this.#lend(warm, work);
      } catch (error) {
        if (!isDeadBeforeMail(error)) throw error;
      }
    }
    return await this.#lend(await this.#connect(), work);
  }

  async #lend<T>(
    session: SmtpClientSession,
    work: (session: SmtpClientSession) => Promise<T>,
  ): Promise<T> {
    try {
      return await work(session);
    } finally {
      this.#giveBack(session);
    }
  }

  #connect(): Promise<SmtpClientSession> {
    const { socketPath, heloName, timeouts, log } = this.#options;
    return connectSmtp({
      flavour: "lmtp",
      socketPath,
      heloName,
      tls: { mode: "off" },
      ...(timeouts === undefined ? {} : { timeouts }),
      ...(log === undefined ? {} : { log }),
    });
  }

  /** The one used last, which is the least likely to be dead. */
  #takeIdle(): SmtpClientSession | undefined {
    for (;;) {
      const idle = this.#idle.pop();
      if (idle === undefined) return undefined;
      clearTimeout(idle.timer);
      if (idle.session.isUsable) return idle.session;
      idle.session.close();
    }
  }

  #giveBack(session: SmtpClientSession): void {
    if (this.#isClosed || !session.isUsable) {
      session.close();
      return;
    }
    const timer = setTimeout(() => this.#expire(session), this.#options.idleMs);
    timer.unref();
    this.#idle.push({ session, timer });
  }

  #expire(expired: SmtpClientSession): void {
    const at = this.#idle.findIndex(({ session }) => session === expired);
    if (at < 0) return;
    this.#idle.splice(at, 1);
    void expired.quit();
  }

  async #enter(): Promise<void> {
    if (this.#inUse < this.#options.sizeMax) {
      this.#inUse += 1;
      return;
    }
    // Who leaves hands its place on, so the count stays as it is.
    await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  #leave(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#inUse -= 1;
    else next();
  }
}

const isDeadBeforeMail = (error: unknown): boolean =>
  error instanceof SmtpConnectionError && (error.phase === "mail" || error.phase === "reset");

async function endIdle({ session, timer }: IdleSession): Promise<void> {
  clearTimeout(timer);
  await session.quit();
}
