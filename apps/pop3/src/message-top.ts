const LF = 0x0a;
const CR = 0x0d;

/**
 * The header, the blank line and the first `bodyLines` lines of the body, as TOP sends them
 * (RFC 1939 §7). All of a message that has no blank line is header.
 */
export async function* messageTop(
  message: AsyncIterable<Uint8Array>,
  bodyLines: number,
): AsyncGenerator<Uint8Array, void, void> {
  const scan = new TopScan(bodyLines);
  for await (const piece of message) {
    const end = scan.endIn(piece);
    if (end === undefined) yield piece;
    else {
      yield piece.subarray(0, end);
      return;
    }
  }
}

/** Where the top of a message ends, found over pieces that may break anywhere. */
class TopScan {
  #bodyLinesLeft: number;
  #isInBody = false;
  /** What has come of the current line in earlier pieces: nothing, a CR alone, or more. */
  #line: "empty" | "cr" | "text" = "empty";

  constructor(bodyLines: number) {
    this.#bodyLinesLeft = bodyLines;
  }

  /** The offset behind the last octet of the top, when that is in this piece. */
  endIn(piece: Uint8Array): number | undefined {
    let at = 0;
    for (;;) {
      if (this.#isInBody && this.#bodyLinesLeft === 0) return at;
      const lineEnd = piece.indexOf(LF, at);
      if (!this.#isInBody) this.#lookForBlank(piece, at, lineEnd);
      if (lineEnd === -1) return undefined;
      this.#endLine();
      at = lineEnd + 1;
    }
  }

  #lookForBlank(piece: Uint8Array, from: number, lineEnd: number): void {
    const length = (lineEnd === -1 ? piece.length : lineEnd) - from;
    if (length === 0) return;
    const isFirstCr = this.#line === "empty" && length === 1 && piece[from] === CR;
    this.#line = isFirstCr ? "cr" : "text";
  }

  #endLine(): void {
    if (this.#isInBody) this.#bodyLinesLeft -= 1;
    else if (this.#line !== "text") this.#isInBody = true;
    this.#line = "empty";
  }
}
