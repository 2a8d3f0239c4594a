import { type Ban, DirectoryError } from "@posthouse/accounts";
import type { Secrets } from "@posthouse/accounts/directory";
import { AddressRanges, isAddressRange } from "@posthouse/service";
import type { Failures } from "./failures.ts";
import { limits } from "./limits.ts";
import { networkOf } from "./network.ts";

export interface BansParts {
  readonly secrets: Secrets;
  readonly failures: Failures;
  readonly neverBanned: AddressRanges;
  readonly now: () => number;
  readonly report: (ban: {
    readonly network: string;
    readonly reason: string;
    readonly seconds: number;
  }) => void;
}

/**
 * Who may not come: bans that counting brought, and those that an administrator made. The first are in
 * memory, the second on disk, with their end. What is never to be banned can be banned by neither.
 */
export class Bans {
  readonly #parts: BansParts;
  #byHand: { readonly network: string; readonly untilMs: number; readonly ranges: AddressRanges }[];

  constructor(parts: BansParts) {
    this.#parts = parts;
    this.#byHand = this.#read();
  }

  /** Seconds that everything from this address is turned away, whoever it is; 0 for welcome. */
  secondsFor(remoteAddress: string): number {
    const { failures, now, neverBanned } = this.#parts;
    const network = networkOf(remoteAddress);
    if (network === undefined || neverBanned.includes(remoteAddress)) return 0;
    const byHand = this.#byHand.filter(
      ({ untilMs, ranges }) => untilMs > now() && ranges.includes(remoteAddress),
    );
    const untils = byHand.map(({ untilMs }) => untilMs - now());
    return Math.ceil(Math.max(0, failures.bannedForMs(network), ...untils) / 1000);
  }

  /** By hand alone: for logins, whose other bans the desks know. */
  secondsByHand(remoteAddress: string): number {
    const nowMs = this.#parts.now();
    const found = this.#byHand.find(
      ({ untilMs, ranges }) => untilMs > nowMs && ranges.includes(remoteAddress),
    );
    if (found === undefined || this.#parts.neverBanned.includes(remoteAddress)) return 0;
    return Math.ceil((found.untilMs - nowMs) / 1000);
  }

  /** A server tells of a client that did what no honest one does. */
  abused(remoteAddress: string, reason: string, times: number): void {
    const { failures, report } = this.#parts;
    const network = networkOf(remoteAddress);
    if (!failures.abused(network, Math.min(times, limits.abuseTimesMax))) return;
    const seconds = Math.ceil(failures.bannedForMs(network) / 1000);
    if (network !== undefined) report({ network, reason, seconds });
  }

  list(nameOf: (subject: string) => string): Ban[] {
    const nowMs = this.#parts.now();
    const byHand = this.#byHand
      .filter(({ untilMs }) => untilMs > nowMs)
      .map(({ network, untilMs }) => ({
        network,
        secondsLeft: Math.ceil((untilMs - nowMs) / 1000),
        isByHand: true as const,
      }));
    return [...byHand, ...this.#parts.failures.bans(nameOf)];
  }

  /** @throws DirectoryError */
  add(network: string, seconds: number): Ban {
    if (!isAddressRange(network)) {
      throw new DirectoryError(
        "bad-address",
        `"${network}" is no address and no network; write it as 192.0.2.7 or 192.0.2.0/24`,
      );
    }
    const secondsLeft = Math.min(seconds, limits.banByHandSecondsMax);
    if (secondsLeft <= 0) throw new DirectoryError("bad-request", "A ban lasts a second at least");
    const isLoopback = networkOf(network.replace(/\/.*$/, "")) === undefined;
    if (isLoopback || this.#parts.neverBanned.includes(network.replace(/\/.*$/, ""))) {
      throw new DirectoryError("in-use", `${network} is never banned: see auth.never_ban`);
    }
    if (this.#byHand.length >= limits.bansByHandMax) {
      throw new DirectoryError("limit", "There are too many bans by hand; lift some first");
    }
    this.#parts.secrets.addBan(network, this.#parts.now() + secondsLeft * 1000);
    this.#byHand = this.#read();
    this.#parts.report({ network, reason: "by hand", seconds: secondsLeft });
    return { network, secondsLeft, isByHand: true };
  }

  /** How many bans of it there were. */
  lift(text: string): number {
    const isByHand = this.#parts.secrets.removeBan(text);
    this.#byHand = this.#read();
    return (
      this.#parts.failures.lift(networkOf(text.replace(/\/64$/, "")) ?? text) + (isByHand ? 1 : 0)
    );
  }

  #read() {
    const { secrets, now } = this.#parts;
    for (const { network, untilMs } of secrets.bansByHand()) {
      if (untilMs <= now()) secrets.removeBan(network);
    }
    return secrets
      .bansByHand()
      .map(({ network, untilMs }) => ({ network, untilMs, ranges: new AddressRanges([network]) }));
  }
}
