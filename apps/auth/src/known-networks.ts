import type { Secrets } from "@posthouse/accounts/directory";
import { limits } from "./limits.ts";
import { neighbourhoodOf, networkOf } from "./network.ts";

/**
 * Which networks each account has logged in from within 30 days. A ban of an account from there would
 * hit its owner, who has mistyped a password or has an old one in a telephone.
 *
 * Written when an account comes from somewhere new, or a day after it did last, so that a login seldom
 * waits for a disk.
 */
export class KnownNetworks {
  readonly #secrets: Secrets;
  readonly #now: () => number;

  constructor(secrets: Secrets, now: () => number) {
    this.#secrets = secrets;
    this.#now = now;
  }

  /** `network` as failures are counted for. */
  has(accountId: string, network: string): boolean {
    const atMs = this.#secrets.lastLoginFrom(accountId, neighbourhoodOf(network));
    return atMs !== undefined && this.#now() - atMs < limits.knownNetworkMs;
  }

  seen(accountId: string, remoteAddress: string): void {
    const network = networkOf(remoteAddress);
    if (network === undefined) return;
    const around = neighbourhoodOf(network);
    const nowMs = this.#now();
    const lastMs = this.#secrets.lastLoginFrom(accountId, around) ?? Number.NEGATIVE_INFINITY;
    if (nowMs - lastMs < limits.knownAddressMs) return;
    const seen = [{ accountId, network: around, atMs: nowMs }];
    this.#secrets.recordNetworks(seen, nowMs - limits.knownNetworkMs);
  }
}
