const CR = 0x0d;
const LF = 0x0a;
const DOT = 0x2e;
const NOTHING = Buffer.alloc(0);

/**
 * Doubles the dot that begins a line (RFC 5321 §4.5.2), over any division of the message into chunks.
 *
 * A lone CR or LF is made CRLF on the way. RFC 5321 §2.3.8 forbids to send one, and a receiver that
 * takes it for a line end would see the end of the data where we see none, and commands in what
 * follows: the sender of the message could then speak to that host in our name. To double the dot
 * after a lone LF too looks simpler and is not: a receiver that is right would keep both dots.
 */
export class DotStuffer {
  // The empty line before the first, so that a dot as first octet is doubled.
  #previous = LF;

  /** The next octets as they go on the wire. A chunk with nothing to change is returned as it is. */
  push(chunk: Uint8Array): Uint8Array {
    const insertions = countInsertions(this.#previous, chunk);
    const stuffed = insertions === 0 ? chunk : stuff(this.#previous, chunk, insertions);
    this.#previous = chunk.at(-1) ?? this.#previous;
    return stuffed;
  }

  /** The final line end, only if it is missing, and the dot that ends the data. */
  end(): Uint8Array {
    const lineEnd = this.#previous === LF ? "" : this.#previous === CR ? "\n" : "\r\n";
    this.#previous = LF;
    return lineEnd === "" ? Buffer.from(".\r\n") : Buffer.from(`${lineEnd}.\r\n`);
  }
}

/** The octets before `octet` that the message lacks there: none, CR, LF, a dot, or LF and a dot. */
function insertionBefore(octet: number, previous: number): Uint8Array {
  if (octet === LF) return previous === CR ? NOTHING : LONE_CR;
  if (previous === CR) return octet === DOT ? LF_AND_DOT : LONE_LF;
  return previous === LF && octet === DOT ? ONE_DOT : NOTHING;
}

const LONE_CR = Buffer.from("\r");
const LONE_LF = Buffer.from("\n");
const LF_AND_DOT = Buffer.from("\n.");
const ONE_DOT = Buffer.from(".");

function countInsertions(before: number, chunk: Uint8Array): number {
  let previous = before;
  let count = 0;
  for (const octet of chunk) {
    // Only these two can lack anything; all other octets of a message pass here without a call.
    if (octet === LF || previous === CR || previous === LF) {
      count += insertionBefore(octet, previous).length;
    }
    previous = octet;
  }
  return count;
}

function stuff(before: number, chunk: Uint8Array, insertions: number): Uint8Array {
  const stuffed = Buffer.allocUnsafe(chunk.length + insertions);
  let previous = before;
  let at = 0;
  for (const octet of chunk) {
    for (const inserted of insertionBefore(octet, previous)) stuffed[at++] = inserted;
    stuffed[at++] = octet;
    previous = octet;
  }
  return stuffed;
}
