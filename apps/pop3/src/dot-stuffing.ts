const LF = 0x0a;
const DOT = 0x2e;
const oneDot = Buffer.from(".");
const terminator = Buffer.from(".\r\n");
const missingLineEnd = Buffer.from("\r\n");

/**
 * A multi-line response of RFC 1939 §3, from its first line after +OK to the final dot: lines that
 * begin with a dot get another one, and text that does not end in a line end gets one.
 *
 * A line here begins after LF, with or without its CR. Many clients read lines so, and one of them
 * would take LF dot LF in the middle of a message for its end, and what follows for our next answers.
 * The price is one dot too many in such a message for a client that knows only CRLF.
 *
 * Pieces may end anywhere. Nothing is copied: what comes out are the pieces themselves, in parts.
 */
export async function* dotStuffed(
  pieces: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, void> {
  let isAtLineStart = true;
  for await (const piece of pieces) {
    if (piece.length === 0) continue;
    if (isAtLineStart && piece[0] === DOT) yield oneDot;
    yield* stuffedInside(piece);
    isAtLineStart = piece.at(-1) === LF;
  }
  if (!isAtLineStart) yield missingLineEnd;
  yield terminator;
}

function* stuffedInside(piece: Uint8Array): Generator<Uint8Array, void, void> {
  const octets = Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength);
  let from = 0;
  for (let at = octets.indexOf("\n."); at !== -1; at = octets.indexOf("\n.", at + 1)) {
    yield octets.subarray(from, at + 1);
    yield oneDot;
    from = at + 1;
  }
  yield octets.subarray(from);
}
