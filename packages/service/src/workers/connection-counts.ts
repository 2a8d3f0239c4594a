/** How many of something each key has now, in all processes of an app together. */
export interface SharedCounts {
  /** One more for `key`, until it is disposed of; undefined when the key has all that it may have. */
  take(key: string): Promise<Disposable | undefined>;
}

/** The counts themselves, in the process that keeps them; a key without any costs nothing. */
export class ConnectionCounts implements SharedCounts {
  readonly #counts = new Map<string, number>();
  readonly #max: number;

  constructor(max: number) {
    this.#max = max;
  }

  async take(key: string): Promise<Disposable | undefined> {
    if (!this.add(key)) return undefined;
    let isTaken = true;
    return {
      [Symbol.dispose]: () => {
        if (isTaken) this.release(key);
        isTaken = false;
      },
    };
  }

  /** False when the key has all that it may have. */
  add(key: string): boolean {
    const count = this.#counts.get(key) ?? 0;
    if (count >= this.#max) return false;
    this.#counts.set(key, count + 1);
    return true;
  }

  release(key: string): void {
    const left = (this.#counts.get(key) ?? 1) - 1;
    if (left === 0) this.#counts.delete(key);
    else this.#counts.set(key, left);
  }
}
