import { DnsError } from "./dns-error.ts";
import type { DnsAnswer } from "./records.ts";

export type Outcome = DnsAnswer<unknown> | DnsError;

interface Entry {
  readonly outcome: Outcome;
  readonly expiresAtMs: number;
}

/** Answers until their TTL ends; when full, the one unused for longest goes. */
export class AnswerCache {
  // A Map keeps the order of insertion: what is read is put in again, so the oldest stands first.
  readonly #entries = new Map<string, Entry>();
  readonly #entriesMax: number;
  readonly #now: () => number;

  constructor(entriesMax: number, now: () => number) {
    this.#entriesMax = entriesMax;
    this.#now = now;
  }

  /** The outcome with what is left of its TTL. */
  get(key: string): Outcome | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    this.#entries.delete(key);
    const leftMs = entry.expiresAtMs - this.#now();
    if (leftMs <= 0) return undefined;
    this.#entries.set(key, entry);
    return withTtl(entry.outcome, Math.ceil(leftMs / 1000));
  }

  set(key: string, outcome: Outcome): void {
    if (outcome.ttlSeconds <= 0 || this.#entriesMax <= 0) return;
    this.#entries.delete(key);
    this.#entries.set(key, { outcome, expiresAtMs: this.#now() + outcome.ttlSeconds * 1000 });
    if (this.#entries.size <= this.#entriesMax) return;
    const [oldest] = this.#entries.keys();
    if (oldest !== undefined) this.#entries.delete(oldest);
  }
}

function withTtl(outcome: Outcome, ttlSeconds: number): Outcome {
  if (!(outcome instanceof DnsError)) return { ...outcome, ttlSeconds };
  const { code, message, isAuthenticated, canonicalName, cause } = outcome;
  return new DnsError(code, message, { isAuthenticated, ttlSeconds, canonicalName, cause });
}
