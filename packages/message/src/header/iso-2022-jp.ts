import { concatOctets } from "../octets.ts";

const ESCAPE = 0x1b;
/** `ESC ( B` and the like. */
const escapeBytes = 3;

/**
 * Leaves out shifts of ISO-2022-JP that nothing stands behind. Encoded words that are joined end in ASCII
 * and begin with a shift out of it (RFC 1468), and the platform's decoder shows that as a damaged character.
 */
export class ShiftFilter {
  #held: Uint8Array<ArrayBufferLike> = new Uint8Array(0);

  push(octets: Uint8Array): Uint8Array {
    if (this.#held.length === 0 && !octets.includes(ESCAPE)) return octets;
    const all = this.#held.length === 0 ? octets : concatOctets([this.#held, octets]);
    const kept: Uint8Array[] = [];
    let start = 0;
    let end = all.length;
    for (let at = all.indexOf(ESCAPE); at !== -1; at = all.indexOf(ESCAPE, at + 1)) {
      if (at + escapeBytes >= all.length) {
        end = at;
        break;
      }
      if (all[at + escapeBytes] !== ESCAPE) continue;
      kept.push(all.subarray(start, at));
      start = at + escapeBytes;
    }
    kept.push(all.subarray(start, Math.max(start, end)));
    this.#held = all.slice(end);
    return concatOctets(kept);
  }

  end(): Uint8Array {
    const octets = this.#held;
    this.#held = new Uint8Array(0);
    return octets;
  }
}
