import type { AuthenticateResult } from "./auth-client.ts";
import { limits } from "./limits.ts";

/** What auth answered to a login, with its name for what the login rests on. */
export type AnsweredLogin<Result extends AuthenticateResult = AuthenticateResult> = Result & {
  readonly login?: string;
};

interface Watched {
  readonly accountId: string;
  readonly login: string;
  readonly end: () => void;
}

/**
 * The logins whose sessions are open. Auth says of whom something was changed; whether each of his logins
 * still counts is then asked, so that an event that was missed costs nothing but one more question: after a
 * lost connection it is asked about all of them.
 *
 * While auth cannot be asked nobody is ended: a restart of auth is not to be seen. It is asked again.
 */
export class LoginWatch implements Disposable {
  readonly #ask: (logins: readonly string[]) => Promise<readonly boolean[]>;
  readonly #watched = new Map<string, Set<Watched>>();
  #changes = 0;
  #again: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(ask: (logins: readonly string[]) => Promise<readonly boolean[]>) {
    this.#ask = ask;
  }

  /**
   * Called before a login is tried; what it returns makes of auth's answer one that can be watched. A change
   * between the two, or before somebody watches, is not missed.
   */
  begin(): <Result extends AuthenticateResult>(answer: AnsweredLogin<Result>) => Result {
    const changes = this.#changes;
    return (answer) => {
      const { login, ...result } = answer;
      if (answer.kind !== "ok" || login === undefined) return answer;
      const accountId = answer.account.id;
      const onEnd = (end: () => void) => this.#watch({ accountId, login, end }, changes);
      return { ...(result as typeof answer), onEnd };
    };
  }

  /** Something was changed about these accounts, or about nobody knows whom. Resolves when all is acted on. */
  async changed(accountIds?: readonly string[]): Promise<void> {
    this.#changes += 1;
    const ids = accountIds ?? [...this.#watched.keys()];
    await this.#check(ids.flatMap((id) => [...(this.#watched.get(id) ?? [])]));
  }

  [Symbol.dispose](): void {
    this.#isClosed = true;
    clearTimeout(this.#again);
  }

  #watch(watched: Watched, changes: number): Disposable {
    const others = this.#watched.get(watched.accountId) ?? new Set();
    this.#watched.set(watched.accountId, others.add(watched));
    if (this.#changes !== changes) void this.#check([watched]);
    return { [Symbol.dispose]: () => void this.#forget(watched) };
  }

  #forget(watched: Watched): boolean {
    const ofAccount = this.#watched.get(watched.accountId);
    const wasThere = ofAccount?.delete(watched) === true;
    if (ofAccount?.size === 0) this.#watched.delete(watched.accountId);
    return wasThere;
  }

  async #check(all: readonly Watched[]): Promise<void> {
    for (let at = 0; at < all.length; at += limits.loginsPerCheckMax) {
      const some = all.slice(at, at + limits.loginsPerCheckMax);
      const holds = await this.#answers(some);
      if (holds === undefined) return;
      for (const [index, watched] of some.entries()) {
        if (holds[index] !== true && this.#forget(watched)) watched.end();
      }
    }
  }

  async #answers(some: readonly Watched[]): Promise<readonly boolean[] | undefined> {
    if (this.#isClosed) return undefined;
    try {
      return await this.#ask(some.map(({ login }) => login));
    } catch {
      if (this.#isClosed) return undefined;
      this.#again ??= setTimeout(() => {
        this.#again = undefined;
        void this.changed();
      }, limits.loginCheckRetryMs).unref();
      return undefined;
    }
  }
}
