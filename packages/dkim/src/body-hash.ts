import { createHash } from "node:crypto";

const CR = 0x0d;
const LF = 0x0a;
const SP = 0x20;
const TAB = 0x09;
const CRLF = Buffer.from("\r\n");

/**
 * SHA-256 of a body in its relaxed form (RFC 6376 §3.4.4), as it comes: blanks in a row are one space,
 * none at a line's end, no empty lines at the end, and a line end after the last line.
 *
 * What may turn out to be nothing (blanks, line ends) is counted and written only before the next octet
 * that is something, so a body of any size needs no more memory than one chunk.
 */
export class RelaxedBodyHash {
  readonly #hash = createHash("sha256");
  #lineEnds = 0;
  #hasBlank = false;
  #hasCr = false;
  #isEmpty = true;
  #out: Buffer = Buffer.alloc(0);
  #length = 0;

  update(chunk: Uint8Array): void {
    // A chunk never becomes longer; what was kept back before it is written by #writeKept.
    this.#out = Buffer.allocUnsafe(chunk.length + 8);
    this.#length = 0;
    for (const octet of chunk) this.#take(octet);
    this.#flush();
  }

  /** Base64, for bh=. */
  digest(): string {
    if (this.#hasCr) {
      this.#out = Buffer.allocUnsafe(8);
      this.#hasCr = false;
      this.#write(CR);
      this.#flush();
    }
    if (!this.#isEmpty) this.#hash.update(CRLF);
    return this.#hash.digest("base64");
  }

  #take(octet: number): void {
    if (this.#hasCr) {
      this.#hasCr = false;
      if (octet === LF) {
        this.#hasBlank = false;
        this.#lineEnds += 1;
        return;
      }
      this.#write(CR);
    }
    if (octet === CR) this.#hasCr = true;
    else if (octet === SP || octet === TAB) this.#hasBlank = true;
    else this.#write(octet);
  }

  #write(octet: number): void {
    if (this.#lineEnds > 0 || this.#hasBlank) this.#writeKept();
    this.#isEmpty = false;
    if (this.#length === this.#out.length) this.#flush();
    this.#out[this.#length] = octet;
    this.#length += 1;
  }

  #writeKept(): void {
    this.#flush();
    for (; this.#lineEnds > 0; this.#lineEnds -= 1) this.#hash.update(CRLF);
    if (this.#hasBlank) this.#hash.update(" ");
    this.#hasBlank = false;
  }

  #flush(): void {
    if (this.#length > 0) this.#hash.update(this.#out.subarray(0, this.#length));
    this.#length = 0;
  }
}
