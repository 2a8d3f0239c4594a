const LF = 0x0a;
const GT = 0x3e;
const from = Buffer.from("From ");

/**
 * mboxrd's quoting: a line of any number of `>` and `From ` gets one `>` more, or loses one. In pieces;
 * of a line's beginning only counts are held, however many `>` it has.
 */
export class FromQuoting {
  readonly #delta: 1 | -1;
  /** `>` seen since the line began; undefined inside a line that is decided. */
  #quotes: number | undefined = 0;
  /** Octets of `From ` seen after them. */
  #matched = 0;

  constructor(delta: 1 | -1) {
    this.#delta = delta;
  }

  convert(octets: Uint8Array): Uint8Array {
    const pieces: Uint8Array[] = [];
    let start = 0;
    let at = 0;
    while (at < octets.length) {
      if (this.#quotes === undefined) {
        const lf = octets.indexOf(LF, at);
        if (lf < 0) break;
        at = lf + 1;
        // A line that begins as most do is passed over at once.
        const first = octets[at];
        if (first !== undefined && first !== GT && first !== from[0]) continue;
        pieces.push(octets.subarray(start, at));
        start = at;
        this.#quotes = 0;
        this.#matched = 0;
        continue;
      }
      const octet = octets[at];
      if (this.#matched === 0 && octet === GT) this.#quotes += 1;
      else if (octet === from[this.#matched]) this.#matched += 1;
      else {
        pieces.push(this.#held(0));
        start = at;
        this.#quotes = undefined;
        continue;
      }
      at += 1;
      start = at;
      if (this.#matched === from.length) {
        pieces.push(this.#held(this.#delta === -1 && this.#quotes === 0 ? 0 : this.#delta));
        this.#quotes = undefined;
      }
    }
    if (this.#quotes === undefined) pieces.push(octets.subarray(start));
    return pieces.length === 1 ? (pieces[0] ?? octets) : Buffer.concat(pieces);
  }

  /** What was held back of an unfinished line. */
  end(): Uint8Array {
    const held = this.#quotes === undefined ? Buffer.alloc(0) : this.#held(0);
    this.#quotes = undefined;
    return held;
  }

  #held(delta: number): Uint8Array {
    return Buffer.concat([
      Buffer.alloc((this.#quotes ?? 0) + delta, GT),
      from.subarray(0, this.#matched),
    ]);
  }
}
