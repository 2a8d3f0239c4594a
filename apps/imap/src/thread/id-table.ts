/**
 * Which node of a thread tree stands for an identifier of eight octets. Open addressing over plain numbers:
 * a Map of a million strings would take 100 MB, and 100 ms in one piece each time it grows.
 */
export class IdTable {
  readonly #mask: number;
  readonly #high: Uint32Array;
  readonly #low: Uint32Array;
  /** Node plus one; 0 is a free place. */
  readonly #nodes: Uint32Array;

  /** Never more than `idsMax` different ones. */
  constructor(idsMax: number) {
    const size = 2 ** Math.ceil(Math.log2(Math.max(idsMax, 1) * 2));
    this.#mask = size - 1;
    this.#high = new Uint32Array(size);
    this.#low = new Uint32Array(size);
    this.#nodes = new Uint32Array(size);
  }

  /** The node of an identifier; it becomes that of `orElse` where it has none. */
  nodeOf(high: number, low: number, orElse: number): number {
    // The identifiers are hashes: any of their bits will do.
    let at = low & this.#mask;
    for (;;) {
      const node = this.#nodes[at] as number;
      if (node === 0) break;
      if (this.#high[at] === high && this.#low[at] === low) return node - 1;
      at = (at + 1) & this.#mask;
    }
    this.#high[at] = high;
    this.#low[at] = low;
    this.#nodes[at] = orElse + 1;
    return orElse;
  }
}
