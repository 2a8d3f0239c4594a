const NUL = 0x00;
const LF = 0x0a;
const CR = 0x0d;

/** "refuse" a CR or LF that is not part of CRLF, or "repair" it into CRLF. */
export type LineEndPolicy = "refuse" | "repair";
export type LineEndFault = "bare-line-end" | "nul";

/** A CR or LF that is no part of CRLF within a chunk, or a NUL. */
const outOfOrder = /\r(?!\n)|(?<!\r)\n|\0/;

const INSERTED_CR = Buffer.from("\r");
const INSERTED_LF = Buffer.from("\n");
const NOTHING: Buffer = Buffer.alloc(0);

/**
 * Holds a message to RFC 5321 §2.3.8 (CR and LF only as CRLF) and RFC 5322 §2.2 (no NUL), over any
 * division into chunks. Other hosts' mail is refused where it breaks the rule, since what we would
 * make of it may not be what the next server sees; the mail of our own users' programs is repaired.
 */
export class LineEnds {
  readonly #policy: LineEndPolicy;
  #isAfterCr = false;
  #fault: LineEndFault | undefined;

  constructor(policy: LineEndPolicy) {
    this.#policy = policy;
  }

  /** The first thing that makes the message unacceptable. */
  get fault(): LineEndFault | undefined {
    return this.#fault;
  }

  /** The octets as they are kept; the chunk itself where nothing is changed. */
  push(chunk: Buffer): Buffer {
    // Nearly every chunk is in order. An octet at a time it takes eight times as long to see that.
    if (!this.#isAfterCr && !outOfOrder.test(chunk.toString("latin1"))) return chunk;
    const pieces: Buffer[] = [];
    let from = 0;
    let isAfterCr = this.#isAfterCr;
    const insert = (inserted: Buffer, at: number) => {
      if (this.#policy === "refuse") this.#fault ??= "bare-line-end";
      else {
        pieces.push(chunk.subarray(from, at), inserted);
        from = at;
      }
    };
    for (let at = 0; at < chunk.length; at++) {
      const octet = chunk[at] as number;
      // Nearly every octet of a message passes here and does nothing.
      if (octet > CR && !isAfterCr) continue;
      if (isAfterCr && octet !== LF) insert(INSERTED_LF, at);
      else if (octet === LF && !isAfterCr) insert(INSERTED_CR, at);
      if (octet === NUL) this.#fault ??= "nul";
      isAfterCr = octet === CR;
    }
    this.#isAfterCr = isAfterCr;
    if (pieces.length === 0) return chunk;
    pieces.push(chunk.subarray(from));
    return Buffer.concat(pieces);
  }

  /** After the last chunk: what the repair of a CR at the very end still needs. */
  end(): Buffer {
    if (!this.#isAfterCr) return NOTHING;
    this.#isAfterCr = false;
    if (this.#policy === "repair") return INSERTED_LF;
    this.#fault ??= "bare-line-end";
    return NOTHING;
  }
}
