import type { LastLogin, LoginPlace } from "@posthouse/accounts";
import type {
  AppPasswordUse,
  LoginPlaceRecord,
  LoginRecord,
  Secrets,
} from "@posthouse/accounts/directory";
import { limits } from "./limits.ts";

/**
 * The last use of each account by protocol, and of each app password; and from where it was used lately.
 *
 * Gathered in memory and written together, so that a login waits for no disk: a crash loses the last
 * seconds of it, which nothing depends on. At most one record an account, protocol and
 * address waits.
 */
export class LoginHistory {
  readonly #secrets: Secrets;
  readonly #complain: (error: unknown) => void;
  readonly #gathered = new Map<string, LoginRecord>();
  readonly #places = new Map<string, LoginPlaceRecord>();
  readonly #uses = new Map<string, AppPasswordUse>();
  #timer: NodeJS.Timeout | undefined;

  constructor(secrets: Secrets, complain: (error: unknown) => void) {
    this.#secrets = secrets;
    this.#complain = complain;
  }

  record(
    login: Omit<LoginRecord, "logins">,
    used?: { readonly id: string; readonly name: string },
  ): void {
    const { accountId, protocol, atMs, remoteAddress } = login;
    if (used !== undefined) this.#uses.set(used.id, { id: used.id, protocol, atMs, remoteAddress });
    const appPassword = used?.name ?? "";
    const place = `${accountId} ${protocol} ${remoteAddress} ${appPassword}`;
    const before = this.#places.get(place);
    this.#places.set(place, {
      ...login,
      appPassword,
      firstMs: before?.firstMs ?? atMs,
      logins: (before?.logins ?? 0) + 1,
    });
    const key = keyOf(login.accountId, login.protocol);
    const logins = (this.#gathered.get(key)?.logins ?? 0) + 1;
    this.#gathered.set(key, { ...login, logins });
    this.#timer ??= setTimeout(() => this.flush(), limits.historyGatherMs).unref();
  }

  lastLogins(accountId: string): readonly LastLogin[] {
    this.flush();
    return this.#secrets.lastLogins(accountId);
  }

  places(accountId: string): readonly LoginPlace[] {
    this.flush();
    return this.#secrets.places(accountId);
  }

  forget(accountId: string): void {
    for (const gathered of [this.#gathered, this.#places]) {
      for (const [key, login] of gathered) {
        if (login.accountId === accountId) gathered.delete(key);
      }
    }
  }

  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#gathered.size === 0) return;
    try {
      this.#secrets.recordLogins([...this.#gathered.values()]);
      this.#secrets.recordPlaces([...this.#places.values()]);
      this.#secrets.appPasswords.recordUses([...this.#uses.values()]);
      this.#gathered.clear();
      this.#places.clear();
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
