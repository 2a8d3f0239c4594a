import type { LastLogin } from "@posthouse/accounts";
import type { AppPasswordUse, LoginRecord, Secrets } from "@posthouse/accounts/directory";
import { limits } from "./limits.ts";

/**
 * The last use of each account by protocol, and of each app password.
 *
 * Gathered in memory and written together, so that a login waits for no disk: a crash loses the last
 * seconds of it, which nothing depends on. At most one record an account and protocol waits.
 */
export class LoginHistory {
  readonly #secrets: Secrets;
  readonly #complain: (error: unknown) => void;
  readonly #gathered = new Map<string, LoginRecord>();
  readonly #uses = new Map<string, AppPasswordUse>();
  #timer: NodeJS.Timeout | undefined;

  constructor(secrets: Secrets, complain: (error: unknown) => void) {
    this.#secrets = secrets;
    this.#complain = complain;
  }

  record(login: Omit<LoginRecord, "logins">, appPasswordId?: string): void {
    if (appPasswordId !== undefined) {
      const { protocol, atMs, remoteAddress } = login;
      this.#uses.set(appPasswordId, { id: appPasswordId, protocol, atMs, remoteAddress });
    }
    const key = keyOf(login.accountId, login.protocol);
    const logins = (this.#gathered.get(key)?.logins ?? 0) + 1;
    this.#gathered.set(key, { ...login, logins });
    this.#timer ??= setTimeout(() => this.flush(), limits.historyGatherMs).unref();
  }

  lastLogins(accountId: string): readonly LastLogin[] {
    this.flush();
    return this.#secrets.lastLogins(accountId);
  }

  forget(accountId: string): void {
    for (const [key, login] of this.#gathered) {
      if (login.accountId === accountId) this.#gathered.delete(key);
    }
  }

  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#gathered.size === 0) return;
    try {
      this.#secrets.recordLogins([...this.#gathered.values()]);
      this.#secrets.appPasswords.recordUses([...this.#uses.values()]);
      this.#gathered.clear();
      this.#uses.clear();
    } catch (error) {
      // It stays gathered, and is written with the next.
      this.#complain(error);
    }
  }
}

function keyOf(accountId: string, protocol: string): string {
  return `${accountId} ${protocol}`;
}
