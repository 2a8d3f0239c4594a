/** A map that forgets what was not set for a time, and holds so many entries at most. */
export class AgingMap<Value> {
  readonly #keepMs: number;
  readonly #entriesMax: number;
  /** In the order in which they were set. */
  readonly #entries = new Map<string, { readonly value: Value; readonly atMs: number }>();

  constructor(options: { readonly keepMs: number; readonly entriesMax: number }) {
    this.#keepMs = options.keepMs;
    this.#entriesMax = options.entriesMax;
  }

  get isFull(): boolean {
    return this.#entries.size >= this.#entriesMax;
  }

  get(key: string, nowMs: number): Value | undefined {
    this.#forget(nowMs);
    return this.#entries.get(key)?.value;
  }

  /** The oldest makes room. */
  set(key: string, value: Value, atMs: number): void {
    this.#entries.delete(key);
    const [oldest] = this.isFull ? this.#entries.keys() : [];
    if (oldest !== undefined) this.#entries.delete(oldest);
    this.#entries.set(key, { value, atMs });
  }

  delete(key: string): void {
    this.#entries.delete(key);
  }

  *[Symbol.iterator](): Generator<readonly [key: string, value: Value, atMs: number]> {
    for (const [key, { value, atMs }] of this.#entries) yield [key, value, atMs];
  }

  #forget(nowMs: number): void {
    for (const [key, { atMs }] of this.#entries) {
      if (nowMs - atMs < this.#keepMs) return;
      this.#entries.delete(key);
    }
  }
}
