import { limits } from "../limits.ts";

/** Identifiers of eight octets, of many messages, as two numbers each in one array. */
export class GrowingIds {
  #numbers = new Uint32Array(1024);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  get numbers(): Uint32Array {
    return this.#numbers.subarray(0, 2 * this.#length);
  }

  /** Gives how many were taken: beyond the bound only the last, which is the parent. */
  add(octets: Uint8Array): number {
    const all = Math.floor(octets.length / 8);
    const count = this.#length + all > limits.threadReferencesMax ? Math.min(all, 1) : all;
    if (2 * (this.#length + count) > this.#numbers.length) this.#grow(count);
    for (let at = all - count; at < all; at += 1) {
      this.#numbers[2 * this.#length] = wordAt(octets, 8 * at);
      this.#numbers[2 * this.#length + 1] = wordAt(octets, 8 * at + 4);
      this.#length += 1;
    }
    return count;
  }

  #grow(count: number): void {
    const longer = new Uint32Array(2 * Math.max(this.#numbers.length, 2 * count));
    longer.set(this.#numbers);
    this.#numbers = longer;
  }
}

/** 32 bits, the first octet counting most. */
export function wordAt(octets: Uint8Array, at: number): number {
  const [a = 0, b = 0, c = 0, d = 0] = [octets[at], octets[at + 1], octets[at + 2], octets[at + 3]];
  return ((a << 24) | (b << 16) | (c << 8) | d) >>> 0;
}
