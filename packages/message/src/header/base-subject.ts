import { decodeEncodedWords } from "./encoded-words.ts";

/** subj-refwd without the blobs before it: "re", "fw" or "fwd", perhaps a blob, and a colon. */
const refwd = /(?:re|fwd?) *(?:\[[^[\]]*\] *)?:/iy;
const blob = /\[[^[\]]*\] */y;
const forwardHeader = /\[fwd:/iy;

/** What is left of a subject, and what was taken off. */
export interface BaseSubject {
  readonly text: string;
  /** "Re:", "Fwd:", "(fwd)" or the like was there: a reply or a forward (RFC 5256 §3, REFERENCES). */
  readonly isReply: boolean;
}

/** The base subject by which SORT and THREAD compare (RFC 5256 §2.1). */
export function baseSubject(subject: string): string {
  return splitSubject(subject).text;
}

/**
 * RFC 5256 §2.1, numbered as there. Works on two positions instead of cutting text off, so that
 * thousands of nested "Re: [x] " cost one pass.
 */
export function splitSubject(subject: string): BaseSubject {
  // (1)
  const text = decodeEncodedWords(subject).replace(/[ \t\r\n]+/g, " ");
  let start = 0;
  let end = text.length;
  let isReply = false;
  for (;;) {
    // (2)
    const trailers = endWithoutTrailers(text, start, end);
    end = trailers.end;
    // (3) to (5)
    const leaders = startWithoutLeaders(text, start, end);
    start = leaders.start;
    isReply ||= trailers.isReply || leaders.isReply;
    // (6)
    if (endOfMatch(forwardHeader, text, start, end) === undefined || text.charAt(end - 1) !== "]")
      break;
    start += "[fwd:".length;
    end -= 1;
    isReply = true;
  }
  // (7)
  return { text: text.slice(start, end), isReply };
}

function endWithoutTrailers(
  text: string,
  start: number,
  from: number,
): { readonly end: number; readonly isReply: boolean } {
  let end = from;
  let isReply = false;
  for (;;) {
    if (end > start && text.charAt(end - 1) === " ") end -= 1;
    else if (end - start >= 5 && text.slice(end - 5, end).toLowerCase() === "(fwd)") {
      end -= 5;
      isReply = true;
    } else return { end, isReply };
  }
}

function startWithoutLeaders(
  text: string,
  from: number,
  end: number,
): { readonly start: number; readonly isReply: boolean } {
  let start = from;
  let isReply = false;
  for (;;) {
    while (start < end && text.charAt(start) === " ") start += 1;
    const blobs = blobsAt(text, start, end);
    const afterReply = endOfMatch(refwd, text, blobs.end, end);
    if (afterReply !== undefined) {
      start = afterReply;
      isReply = true;
      // (4) A blob is not removed when nothing would be left.
    } else return { start: blobs.end < end ? blobs.end : blobs.lastStart, isReply };
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
