import { createHash } from "node:crypto";

/**
 * When a message that is put off came for the first time. It is in memory only: after a restart its time
 * begins anew, and what finds no place is not put off.
 */
export class FirstSeen {
  readonly #entriesMax: number;
  readonly #keepMs: number;
  readonly #now: () => number;
  readonly #seen = new Map<string, number>();

  constructor(options: {
    readonly entriesMax: number;
    readonly keepMs: number;
    readonly now?: () => number;
  }) {
    this.#entriesMax = options.entriesMax;
    this.#keepMs = options.keepMs;
    this.#now = options.now ?? Date.now;
  }

  /** Since when, in milliseconds, this message has been put off; undefined when there is no place to know it. */
  ageMs(parts: readonly string[]): number | undefined {
    const nowMs = this.#now();
    this.#forget(nowMs);
    const key = createHash("sha256").update(JSON.stringify(parts)).digest("base64");
    const firstMs = this.#seen.get(key);
    if (firstMs !== undefined) return nowMs - firstMs;
    if (this.#seen.size >= this.#entriesMax) return undefined;
    this.#seen.set(key, nowMs);
    return 0;
  }

  /** Entries stand in the order of their time. */
  #forget(nowMs: number): void {
    for (const [key, firstMs] of this.#seen) {
      if (nowMs - firstMs < this.#keepMs) return;
      this.#seen.delete(key);
    }
  }
}
