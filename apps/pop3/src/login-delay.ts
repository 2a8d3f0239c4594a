import { limits } from "./limits.ts";

/**
 * `pop3.login_delay_seconds`: how long an account waits from one login to the next (LOGIN-DELAY, RFC 2449 §6.5).
 * Kept in memory: a restart lets everybody in at once, which does no harm.
 */
export class LoginDelay {
  readonly #delayMs: number;
  readonly #now: () => number;
  /** By account, oldest first. */
  readonly #lastMs = new Map<string, number>();

  constructor(seconds: number, now: () => number = () => performance.now()) {
    this.#delayMs = seconds * 1000;
    this.#now = now;
  }

  /** Seconds that the account has still to wait; 0: it may come in. */
  secondsFor(accountId: string): number {
    const last = this.#lastMs.get(accountId);
    if (last === undefined) return 0;
    return Math.max(0, Math.ceil((last + this.#delayMs - this.#now()) / 1000));
  }

  loggedIn(accountId: string): void {
    if (this.#delayMs === 0) return;
    this.#lastMs.delete(accountId);
    this.#lastMs.set(accountId, this.#now());
    for (const [oldest, atMs] of this.#lastMs) {
      const isOver = atMs + this.#delayMs <= this.#now();
      if (!isOver && this.#lastMs.size <= limits.accountsDelayedMax) break;
      this.#lastMs.delete(oldest);
    }
  }
}
