import { limits } from "./limits.ts";

/** How many sessions each account has in this process. */
export class AccountSessions {
  readonly #counts = new Map<string, number>();

  /** One more; undefined when the account has as many as it may. Disposed of when the session is over. */
  take(accountId: string): Disposable | undefined {
    const count = this.#counts.get(accountId) ?? 0;
    if (count >= limits.connectionsPerAccountMax) return undefined;
    this.#counts.set(accountId, count + 1);
    return { [Symbol.dispose]: () => this.#giveBack(accountId) };
  }

  #giveBack(accountId: string): void {
    const left = (this.#counts.get(accountId) ?? 1) - 1;
    if (left === 0) this.#counts.delete(accountId);
    else this.#counts.set(accountId, left);
  }
}
