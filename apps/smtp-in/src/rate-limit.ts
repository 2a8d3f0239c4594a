import { limits } from "./limits.ts";

interface Bucket {
  /** What has been used up and not come back yet. */
  used: number;
  atMs: number;
}

/**
 * So many in a window, for each key. What was used comes back evenly over the window, so that nobody
 * waits for a whole hour to be over, and a key costs two numbers.
 */
export class RateLimit {
  readonly #countMax: number;
  readonly #windowMs: number;
  readonly #now: () => number;
  readonly #buckets = new Map<string, Bucket>();

  /** A `countMax` of 0 is no limit. */
  constructor(options: {
    readonly countMax: number;
    readonly windowMs: number;
    readonly now?: () => number;
  }) {
    this.#countMax = options.countMax;
    this.#windowMs = options.windowMs;
    this.#now = options.now ?? (() => performance.now());
  }

  /** Takes `count`; 0 when there is room, else how many milliseconds it takes until there is, and nothing is taken. */
  take(key: string, count = 1): number {
    if (this.#countMax === 0) return 0;
    const used = this.#used(key);
    const over = used + count - this.#countMax;
    if (over > 0) return Math.ceil((over / this.#countMax) * this.#windowMs);
    this.#buckets.delete(key);
    this.#buckets.set(key, { used: used + count, atMs: this.#now() });
    if (this.#buckets.size > limits.rateKeysMax) this.#forgetOldest();
    return 0;
  }

  /** How full it is, from 0 to 1. */
  fullness(key: string): number {
    return this.#countMax === 0 ? 0 : this.#used(key) / this.#countMax;
  }

  #used(key: string): number {
    const bucket = this.#buckets.get(key);
    if (bucket === undefined) return 0;
    const back = ((this.#now() - bucket.atMs) / this.#windowMs) * this.#countMax;
    return Math.max(0, bucket.used - back);
  }

  /** The longest quiet: of all keys it has most come back. */
  #forgetOldest(): void {
    const [oldest] = this.#buckets.keys();
    if (oldest !== undefined) this.#buckets.delete(oldest);
  }
}
