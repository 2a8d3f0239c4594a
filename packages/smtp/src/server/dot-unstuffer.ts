const CR = 0x0d;
const LF = 0x0a;
const DOT = 0x2e;
const LINE_START_DOT = Buffer.from("\r\n.");
const ONE_CR = Buffer.from("\r");
const NOTHING: Buffer = Buffer.alloc(0);

type State =
  /** After CRLF, and at the very start: a dot here is special. */
  | "line-start"
  | "text"
  | "after-cr"
  /** The dot at the start of a line is taken out; what follows says whether it was the end. */
  | "after-dot"
  | "after-dot-cr";

/**
 * The octets of DATA without dot-stuffing (RFC 5321 §4.5.2), over any division into chunks.
 *
 * Only CRLF begins a line and only CRLF.CRLF ends the data. Servers that also take LF.LF or LF.CRLF
 * for the end see commands where others see text, which lets one message carry another past a server
 * in between. A lone CR or LF is text here; whether the message may have one is asked elsewhere.
 */
export class DotUnstuffer {
  #state: State = "line-start";

  /** `consumed` octets were read, all of them unless the data ended. */
  push(chunk: Buffer): {
    readonly text: Buffer;
    readonly consumed: number;
    readonly isEnd: boolean;
  } {
    const pieces: Buffer[] = [];
    let from = 0;
    let at = 0;
    const keep = (end: number) => {
      if (end > from) pieces.push(chunk.subarray(from, end));
    };
    while (at < chunk.length) {
      const octet = chunk[at];
      switch (this.#state) {
        case "line-start":
          if (octet !== DOT) {
            this.#state = "text";
            break;
          }
          keep(at);
          from = ++at;
          this.#state = "after-dot";
          break;
        case "text": {
          const lineStart = chunk.indexOf(LINE_START_DOT, at);
          at = lineStart < 0 ? chunk.length : lineStart + 2;
          this.#state = lineStart < 0 ? stateAfter(chunk) : "line-start";
          break;
        }
        case "after-cr":
          if (octet !== LF) this.#state = "text";
          else {
            at++;
            this.#state = "line-start";
          }
          break;
        case "after-dot":
          if (octet !== CR) this.#state = "text";
          else {
            from = ++at;
            this.#state = "after-dot-cr";
          }
          break;
        case "after-dot-cr":
          if (octet === LF) {
            return { text: joined(pieces), consumed: at + 1, isEnd: true };
          }
          // ".\r" and then something else was text after all, without its dot.
          pieces.push(ONE_CR);
          from = at;
          this.#state = octet === CR ? "after-cr" : "text";
          if (octet === CR) at++;
          break;
      }
    }
    keep(chunk.length);
    return { text: joined(pieces), consumed: chunk.length, isEnd: false };
  }
}

/** Where a chunk of text without a dot at a line start leaves us. */
function stateAfter(chunk: Buffer): State {
  const last = chunk.at(-1);
  if (last === CR) return "after-cr";
  return last === LF && chunk.at(-2) === CR ? "line-start" : "text";
}

const joined = (pieces: readonly Buffer[]): Buffer =>
  pieces.length === 1
    ? (pieces[0] ?? NOTHING)
    : pieces.length === 0
      ? NOTHING
      : Buffer.concat(pieces);
