/** Octets that are collected up to a limit; what comes after it is only counted. */
export class BoundedBuffer {
  readonly #bytesMax: number;
  #octets = new Uint8Array(256);
  #keptBytes = 0;
  #lengthBytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** All that was pushed, kept or not. */
  get lengthBytes(): number {
    return this.#lengthBytes;
  }

  /** What was kept: a view that the next push() may overwrite. */
  get octets(): Uint8Array {
    return this.#octets.subarray(0, this.#keptBytes);
  }

  push(piece: Uint8Array): void {
    this.#lengthBytes += piece.length;
    const kept = piece.subarray(0, Math.max(this.#bytesMax - this.#keptBytes, 0));
    this.#reserve(this.#keptBytes + kept.length);
    this.#octets.set(kept, this.#keptBytes);
    this.#keptBytes += kept.length;
  }

  clear(): void {
    this.#keptBytes = 0;
    this.#lengthBytes = 0;
  }

  #reserve(bytes: number): void {
    if (bytes <= this.#octets.length) return;
    const larger = new Uint8Array(Math.max(bytes, this.#octets.length * 2));
    larger.set(this.octets);
    this.#octets = larger;
  }
}
