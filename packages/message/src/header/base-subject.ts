import { decodeEncodedWords } from "./encoded-words.ts";

/** subj-refwd without the blobs before it: "re", "fw" or "fwd", perhaps a blob, and a colon. */
const refwd = /(?:re|fwd?) *(?:\[[^[\]]*\] *)?:/iy;
const blob = /\[[^[\]]*\] */y;
const forwardHeader = /\[fwd:/iy;

/**
 * The base subject by which SORT and THREAD compare (RFC 5256 §2.1), numbered as there. Works on two
 * positions instead of cutting text off, so that thousands of nested "Re: [x] " cost one pass.
 */
export function baseSubject(subject: string): string {
  // (1)
  const text = decodeEncodedWords(subject).replace(/[ \t\r\n]+/g, " ");
  let start = 0;
  let end = text.length;
  for (;;) {
    // (2)
    end = endWithoutTrailers(text, start, end);
    // (3) to (5)
    start = startWithoutLeaders(text, start, end);
    // (6)
    if (endOfMatch(forwardHeader, text, start, end) === undefined || text.charAt(end - 1) !== "]")
      break;
    start += "[fwd:".length;
    end -= 1;
  }
  // (7)
  return text.slice(start, end);
}

function endWithoutTrailers(text: string, start: number, end: number): number {
  let rest = end;
  for (;;) {
    if (rest > start && text.charAt(rest - 1) === " ") rest -= 1;
    else if (rest - start >= 5 && text.slice(rest - 5, rest).toLowerCase() === "(fwd)") rest -= 5;
    else return rest;
  }
}

function startWithoutLeaders(text: string, from: number, end: number): number {
  let start = from;
  for (;;) {
    while (start < end && text.charAt(start) === " ") start += 1;
    const blobs = blobsAt(text, start, end);
    const afterReply = endOfMatch(refwd, text, blobs.end, end);
    if (afterReply !== undefined) start = afterReply;
    // (4) A blob is not removed when nothing would be left.
    else return blobs.end < end ? blobs.end : blobs.lastStart;
  }
}

/** The run of blobs that begins here. */
function blobsAt(text: string, start: number, end: number): { end: number; lastStart: number } {
  let lastStart = start;
  let at = start;
  for (;;) {
    const next = endOfMatch(blob, text, at, end);
    if (next === undefined) return { end: at, lastStart };
    lastStart = at;
    at = next;
  }
}

function endOfMatch(pattern: RegExp, text: string, start: number, end: number): number | undefined {
  pattern.lastIndex = start;
  return pattern.test(text) && pattern.lastIndex <= end ? pattern.lastIndex : undefined;
}
