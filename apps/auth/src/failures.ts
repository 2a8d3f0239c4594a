import type { Ban } from "@posthouse/accounts";
import { limits } from "./limits.ts";

/** Whom no ban meets. */
export interface BanRules {
  /** By configuration. */
  isNeverBanned(network: string): boolean;
  /** The account has logged in from around there within 30 days. */
  isKnown(accountId: string, network: string): boolean;
}

/** What was tried and failed, as a fingerprint that tells nothing. */
type Guess = string;

interface Entry {
  readonly network: string;
  /** Absent for the entry of the address as such. */
  readonly subject: string | undefined;
  /** When the failures of the window were. */
  times: number[];
  readonly guesses: Set<Guess>;
  bans: number;
  bannedUntilMs: number;
  lastFailureMs: number;
  lastSuccessMs: number;
}

/**
 * Counts failed logins and bans who tries too many.
 *
 * Two counts run side by side: of an address and a login together, and of an address alone. Each full
 * count is a ban, twice as long as the one before. The same wrong password again is not counted: it is
 * a telephone with an old one, and tells an attacker nothing. A success clears the count of its login,
 * and for a day its address is allowed more, since it is an office rather than an attacker; its count of
 * other logins stays, so that an account of one's own does not buy unlimited guesses.
 *
 * Not counted is an account from all addresses together: whoever owns many would lock its owner out.
 *
 * Held in memory only: a restart forgives, and a client cannot make us write to disk.
 */
export class Failures {
  readonly #entries = new Map<string, Entry>();
  readonly #now: () => number;
  readonly #rules: BanRules;

  constructor(
    now: () => number,
    rules: BanRules = { isNeverBanned: () => false, isKnown: () => false },
  ) {
    this.#now = now;
    this.#rules = rules;
  }

  /** 0 when a login may be tried. The network of this host itself is undefined, and never banned. */
  bannedForMs(network: string | undefined, subject?: string): number {
    if (network === undefined || this.#rules.isNeverBanned(network)) return 0;
    if (subject !== undefined && this.#rules.isKnown(subject, network)) return 0;
    const now = this.#now();
    const untils = [this.#find(network), this.#find(network, subject)].map(
      (entry) => entry?.bannedUntilMs ?? 0,
    );
    return Math.max(0, ...untils.map((until) => until - now));
  }

  /** True when this failure was the one that brought a ban. */
  failed(network: string | undefined, subject: string, guess: Guess): boolean {
    if (network === undefined || this.#rules.isNeverBanned(network)) return false;
    const ofLogin = this.#touch(network, subject);
    if (ofLogin.guesses.has(guess)) return false;
    ofLogin.guesses.add(guess);
    const isKnown = this.#rules.isKnown(subject, network);
    const bannedLogin = this.#count(
      ofLogin,
      isKnown ? Number.POSITIVE_INFINITY : limits.failuresPerLoginMax,
    );
    return this.#countAddress(network) || bannedLogin;
  }

  /** Something else than a wrong password: a dictionary read to RCPT, commands that are none. */
  abused(network: string | undefined, times: number): boolean {
    if (network === undefined || this.#rules.isNeverBanned(network)) return false;
    let brought = false;
    for (let time = 0; time < times && !brought; time += 1) brought = this.#countAddress(network);
    return brought;
  }

  /**
   * How long an answer is held back. An account is never banned from where it has logged in lately, since
   * that would shut out its owner; guesses from there are slow instead.
   */
  delayMs(network: string | undefined, subject: string): number {
    if (network === undefined || !this.#rules.isKnown(subject, network)) return 0;
    const times = this.#find(network, subject)?.times ?? [];
    const recent = times.filter((time) => this.#now() - time < limits.failureWindowMs);
    return recent.length < limits.failuresPerLoginMax ? 0 : limits.knownDelayMs;
  }

  succeeded(network: string | undefined, subject: string): void {
    if (network === undefined) return;
    this.#entries.delete(keyOf(network, subject));
    this.#touch(network).lastSuccessMs = this.#now();
  }

  /** Bans that hold now. `subject` is an account id, or "?" and a name that nobody has. */
  bans(nameOf: (subject: string) => string): Ban[] {
    const now = this.#now();
    return [...this.#entries.values()]
      .filter((entry) => entry.bannedUntilMs > now)
      .slice(0, limits.bansListedMax)
      .map(({ network, subject, bannedUntilMs }) => ({
        network,
        ...(subject !== undefined && { login: nameOf(subject) }),
        secondsLeft: Math.ceil((bannedUntilMs - now) / 1000),
      }));
  }

  /** Forgets everything about an address; how many bans held. */
  lift(network: string): number {
    let lifted = 0;
    for (const [key, entry] of this.#entries) {
      if (entry.network !== network) continue;
      if (entry.bannedUntilMs > this.#now()) lifted += 1;
      this.#entries.delete(key);
    }
    return lifted;
  }

  #countAddress(network: string): boolean {
    const entry = this.#touch(network);
    const isKnown = this.#now() - entry.lastSuccessMs < limits.knownAddressMs;
    return this.#count(
      entry,
      isKnown ? limits.failuresPerKnownAddressMax : limits.failuresPerAddressMax,
    );
  }

  #count(entry: Entry, failuresMax: number): boolean {
    const now = this.#now();
    entry.lastFailureMs = now;
    entry.times = entry.times.filter((time) => now - time < limits.failureWindowMs);
    entry.times.push(now);
    if (entry.times.length > limits.failuresPerKnownAddressMax) entry.times.shift();
    if (entry.times.length < failuresMax) return false;
    entry.times = [];
    entry.guesses.clear();
    entry.bannedUntilMs = now + Math.min(limits.banMsMin * 2 ** entry.bans, limits.banMsMax);
    entry.bans += 1;
    return true;
  }

  #find(network: string, subject?: string): Entry | undefined {
    const entry = this.#entries.get(keyOf(network, subject));
    if (entry === undefined) return undefined;
    const quietMs = this.#now() - Math.max(entry.lastFailureMs, entry.lastSuccessMs);
    return quietMs < limits.failuresForgottenMs ? entry : undefined;
  }

  /** The entry, made where there is none, and the last to be forgotten now. */
  #touch(network: string, subject?: string): Entry {
    const key = keyOf(network, subject);
    const entry = this.#find(network, subject) ?? newEntry(network, subject);
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    if (this.#entries.size > limits.failureEntriesMax) {
      const [oldest] = this.#entries.keys();
      if (oldest !== undefined) this.#entries.delete(oldest);
    }
    return entry;
  }
}

function newEntry(network: string, subject: string | undefined): Entry {
  return {
    network,
    subject,
    times: [],
    guesses: new Set(),
    bans: 0,
    bannedUntilMs: 0,
    lastFailureMs: Number.NEGATIVE_INFINITY,
    lastSuccessMs: Number.NEGATIVE_INFINITY,
  };
}

function keyOf(network: string, subject = ""): string {
  return `${network} ${subject}`;
}
