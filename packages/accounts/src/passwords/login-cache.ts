import { createHmac, randomBytes } from "node:crypto";
import { LRUCache } from "lru-cache";
import { limits } from "../limits.ts";

/** Says of an account, what is kept as its password, and what was tried: never the password itself. */
export type LoginFingerprint = string;

/**
 * Successful logins, so that a client that logs in every minute costs a hash every half hour.
 *
 * A fingerprint takes in the kept hash. So the moment a password is changed no entry fits any more,
 * also one that a check still under way is about to add.
 */
export class LoginCache {
  /** Known to nobody and to no other process: what is cached here cannot be guessed at elsewhere. */
  readonly #key = randomBytes(32);
  readonly #accounts: LRUCache<LoginFingerprint, string>;

  constructor(now: () => number = Date.now) {
    this.#accounts = new LRUCache({
      max: limits.loginsRememberedMax,
      ttl: limits.loginRememberedMs,
      // Without it a clock that is passed in would be read only once a millisecond of real time.
      ttlResolution: 0,
      perf: { now },
    });
  }

  fingerprint(subject: string, keptHash: string, password: string): LoginFingerprint {
    const lengths = `${subject.length} ${keptHash.length} `;
    return createHmac("sha256", this.#key)
      .update(lengths + subject + keptHash)
      .update(password)
      .digest("base64");
  }

  has(fingerprint: LoginFingerprint): boolean {
    return this.#accounts.has(fingerprint);
  }

  add(fingerprint: LoginFingerprint, accountId: string): void {
    this.#accounts.set(fingerprint, accountId);
  }

  /** Frees what nobody can ask for any more. */
  forget(accountId: string): void {
    for (const [fingerprint, id] of this.#accounts.entries()) {
      if (id === accountId) this.#accounts.delete(fingerprint);
    }
  }
}
