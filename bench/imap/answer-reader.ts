const LF = 0x0a;
const STAR = 0x2a;
const OPEN = 0x7b;
const CLOSE = 0x7d;
const ZERO = 0x30;
const NOTHING = Buffer.alloc(0);

/**
 * Finds tagged answers and continuations in what a server sends. Lines are looked at by their first and last
 * octets, and literals are skipped by their length: nothing becomes a string but what is told, so that reading
 * an answer takes a small part of what making it takes.
 */
export class AnswerReader {
  /** Untagged lines are kept here where somebody wants them. */
  kept: string[] | undefined;
  readonly #tell: (line: string) => void;
  /** The beginning of a line whose end has not come. */
  #rest: Buffer = NOTHING;
  #literalBytes = 0;
  /** What comes next goes on with the line before the literal. */
  #isInside = false;

  /** `tell` gets every line that is not untagged, without its CRLF. */
  constructor(tell: (line: string) => void) {
    this.#tell = tell;
  }

  push(octets: Buffer): void {
    let chunk = octets;
    if (this.#rest.length > 0) {
      chunk = Buffer.concat([this.#rest, octets]);
      this.#rest = NOTHING;
    }
    for (let at = 0; at < chunk.length; ) {
      if (this.#literalBytes > 0) {
        const skipped = Math.min(this.#literalBytes, chunk.length - at);
        this.#literalBytes -= skipped;
        at += skipped;
        continue;
      }
      const end = chunk.indexOf(LF, at);
      if (end === -1) {
        this.#rest = chunk.subarray(at);
        return;
      }
      this.#takeLine(chunk, at, end - 1);
      at = end + 1;
    }
  }

  #takeLine(chunk: Buffer, start: number, end: number): void {
    const isStart = !this.#isInside;
    this.#literalBytes = literalAtEnd(chunk, start, end);
    this.#isInside = this.#literalBytes > 0;
    this.kept?.push(chunk.toString("latin1", start, end));
    if (isStart && chunk[start] !== STAR) this.#tell(chunk.toString("latin1", start, end));
  }
}

/** `{12}` at the end of a line; 0 where there is none. */
function literalAtEnd(chunk: Buffer, start: number, end: number): number {
  if (chunk[end - 1] !== CLOSE) return 0;
  let length = 0;
  let scale = 1;
  for (let at = end - 2; at > start; at -= 1) {
    const octet = chunk[at] ?? 0;
    if (octet === OPEN) return length;
    if (octet < ZERO || octet > ZERO + 9) return 0;
    length += (octet - ZERO) * scale;
    scale *= 10;
  }
  return 0;
}
