import { createHash } from "node:crypto";
import type { SpfVerdict } from "@posthouse/mail-auth";
import { networkOf } from "@posthouse/smtp";
import { limits } from "../limits.ts";
import { AgingMap } from "./aging-map.ts";

export interface GreylistRules {
  /** How long mail of a new kind is put off. */
  readonly waitMs: number;
  /** It has to come again within this, or it is new once more. */
  readonly windowMs: number;
  /** A source from which so many messages came in is put off no more. */
  readonly knownAfter: number;
  /** What was let in is remembered for so long after its last message. */
  readonly knownMs: number;
}

/** What greylisting goes by. */
export interface GreylistedMail {
  readonly source: string;
  readonly reversePath: string;
  readonly recipients: readonly string[];
}

/** Known mail has nothing to wait for; other mail has waited, or still has to. */
export type GreylistAnswer =
  | { readonly kind: "known" }
  | { readonly kind: "waited" }
  | { readonly kind: "wait"; readonly ms: number };

/**
 * Puts mail off that is new here (RFC 6647): a mail server comes again, what only throws messages at
 * addresses does not.
 *
 *   waiting   source, sender and recipient, since they came first     forgotten after windowMs
 *   passed    the same, once they came again after waitMs             forgotten after knownMs without mail
 *   sources   how many messages came in from a source                 the same
 *
 * A message to several waits until each of them has waited. What finds no place among the waiting is let in:
 * a flood of new senders makes nobody lose mail.
 */
export class Greylist {
  readonly #rules: GreylistRules;
  readonly #now: () => number;
  readonly #waiting: AgingMap<number>;
  readonly #passed: AgingMap<true>;
  readonly #sources: AgingMap<number>;

  constructor(rules: GreylistRules, options: { readonly now?: () => number } = {}) {
    this.#rules = rules;
    this.#now = options.now ?? Date.now;
    const { windowMs, knownMs } = rules;
    const entriesMax = limits.greylistEntriesMax;
    this.#waiting = new AgingMap({ keepMs: windowMs, entriesMax });
    this.#passed = new AgingMap({ keepMs: knownMs, entriesMax });
    this.#sources = new AgingMap({ keepMs: knownMs, entriesMax });
  }

  ask({ source, reversePath, recipients }: GreylistedMail): GreylistAnswer {
    const nowMs = this.#now();
    if ((this.#sources.get(source, nowMs) ?? 0) >= this.#rules.knownAfter) return { kind: "known" };
    const keys = recipients
      .map((recipient) => keyOf(source, reversePath, recipient))
      .filter((key) => this.#passed.get(key, nowMs) === undefined);
    const waits = keys.map((key) => this.#waitOf(key, nowMs));
    const ms = Math.max(0, ...waits);
    if (ms > 0) return { kind: "wait", ms };
    return keys.length === 0 ? { kind: "known" } : { kind: "waited" };
  }

  /** It came in, and was found to be nothing worse. */
  letIn({ source, reversePath, recipients }: GreylistedMail): void {
    const nowMs = this.#now();
    for (const recipient of recipients) {
      const key = keyOf(source, reversePath, recipient);
      this.#waiting.delete(key);
      this.#passed.set(key, true, nowMs);
    }
    const count = this.#sources.get(source, nowMs) ?? 0;
    this.#sources.set(source, Math.min(count + 1, this.#rules.knownAfter), nowMs);
  }

  /** All that is known, a line each, for restore(). */
  *lines(): Generator<string> {
    for (const [key, firstMs] of this.#waiting) yield `waiting ${key} ${firstMs}`;
    for (const [key, , atMs] of this.#passed) yield `passed ${key} ${atMs}`;
    for (const [source, count, atMs] of this.#sources) yield `source ${source} ${atMs} ${count}`;
  }

  /** Lines that are none of ours are passed over. */
  restore(lines: Iterable<string>): void {
    for (const line of lines) {
      const [, kind, key = "", time, count] =
        /^(waiting|passed|source) (\S{1,300}) (\d{1,15})(?: (\d{1,9}))?$/.exec(line) ?? [];
      const atMs = Number(time);
      if (kind === "waiting") this.#waiting.set(key, atMs, atMs);
      else if (kind === "passed") this.#passed.set(key, true, atMs);
      else if (kind === "source") this.#sources.set(key, Number(count ?? 0), atMs);
    }
  }

  #waitOf(key: string, nowMs: number): number {
    const firstMs = this.#waiting.get(key, nowMs);
    // Never more than the whole: clocks go back too.
    if (firstMs !== undefined) {
      return Math.min(this.#rules.waitMs, firstMs + this.#rules.waitMs - nowMs);
    }
    if (this.#waiting.isFull) return 0;
    this.#waiting.set(key, nowMs, nowMs);
    return this.#rules.waitMs;
  }
}

/**
 * Who is meant by a source. A large provider comes again from another of its hundred hosts; which these are
 * is said by the SPF record that let the first one pass, so that its domain stands for all of them. Where SPF
 * does not pass it is the network around the client.
 */
export function sourceOf(spf: SpfVerdict | undefined, clientAddress: string): string {
  const domain = spf?.result === "pass" ? spf.domain.toLowerCase() : "";
  return /^[\w.-]{1,255}$/.test(domain) ? `spf:${domain}` : `net:${networkOf(clientAddress)}`;
}

/** Digests are of one length, whatever a sender writes; letter case is not what makes mail new. */
const keyOf = (source: string, reversePath: string, recipient: string): string =>
  createHash("sha256")
    .update(JSON.stringify([source, reversePath.toLowerCase(), recipient.toLowerCase()]))
    .digest("base64url")
    .slice(0, 22);
