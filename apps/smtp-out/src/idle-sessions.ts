import type { SmtpClientSession } from "@posthouse/smtp";
import { limits } from "./limits.ts";

interface IdleSession {
  readonly session: SmtpClientSession;
  readonly host: string;
  readonly timer: NodeJS.Timeout;
}

/** Open sessions that wait a moment for the next message to the same destination. */
export class IdleSessions implements AsyncDisposable {
  readonly #idle = new Map<string, IdleSession[]>();
  #isClosed = false;

  /** The one used last, which is the least likely to be dead. */
  take(destination: string): { session: SmtpClientSession; host: string } | undefined {
    const waiting = this.#idle.get(destination) ?? [];
    for (;;) {
      const last = waiting.pop();
      if (waiting.length === 0) this.#idle.delete(destination);
      if (last === undefined) return undefined;
      clearTimeout(last.timer);
      if (last.session.isUsable) return last;
      last.session.close();
    }
  }

  give(destination: string, session: SmtpClientSession, host: string): void {
    const isSpent = session.transactions >= limits.messagesPerSessionMax;
    if (this.#isClosed || isSpent || !session.isUsable) {
      void session.quit();
      return;
    }
    const timer = setTimeout(() => this.#expire(destination, session), limits.sessionIdleMs);
    const waiting = this.#idle.get(destination) ?? [];
    waiting.push({ session, host, timer });
    this.#idle.set(destination, waiting);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    const all = [...this.#idle.values()].flat();
    this.#idle.clear();
    for (const { timer } of all) clearTimeout(timer);
    await Promise.all(all.map(({ session }) => session.quit()));
  }

  #expire(destination: string, session: SmtpClientSession): void {
    const rest = (this.#idle.get(destination) ?? []).filter((idle) => idle.session !== session);
    if (rest.length === 0) this.#idle.delete(destination);
    else this.#idle.set(destination, rest);
    void session.quit();
  }
}
