const none: ReadonlySet<number> = new Set();

/** A set of numbers that takes no memory to speak of while it is empty, which is how most clients have it. */
export class NumberSet implements Iterable<number> {
  #numbers: Set<number> | undefined;

  get size(): number {
    return this.#numbers?.size ?? 0;
  }

  has(number: number): boolean {
    return this.#numbers?.has(number) ?? false;
  }

  add(number: number): void {
    this.#numbers ??= new Set();
    this.#numbers.add(number);
  }

  delete(number: number): void {
    if (this.#numbers?.delete(number) && this.#numbers.size === 0) this.#numbers = undefined;
  }

  clear(): void {
    this.#numbers = undefined;
  }

  [Symbol.iterator](): Iterator<number> {
    return (this.#numbers ?? none)[Symbol.iterator]();
  }
}
