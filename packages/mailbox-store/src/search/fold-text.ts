import { unicodeCasemap } from "@posthouse/message";

/**
 * The form in which texts are compared: i;unicode-casemap (RFC 5051), as I18NLEVEL=1 asks for
 * (RFC 5255 §4.3), which for ASCII is i;ascii-casemap (RFC 9051 §6.4.4). Each character in its title case,
 * then taken apart: "é" is found however it was typed, a no-break space is a space, full-width letters are
 * letters, and "cafe" is found in "café", since its accent follows the "e".
 *
 * CRLF and CR are LF. NUL, which FTS5 takes for the end, is U+FFFD, and so is half a surrogate pair.
 */
export function foldText(text: string): string {
  const folded = isAscii(text) ? text.toUpperCase() : unicodeCasemap(text.toWellFormed());
  return folded.replaceAll(/\r\n?/g, "\n").replaceAll("\0", "\ufffd");
}

/** Characters without any ASCII among them that are folded together at most. */
const heldCharactersMax = 1_024;

/**
 * Folds a text in pieces of any size, to the same as in one piece: it is cut only before ASCII characters,
 * which nothing composes with. A text that has none for long is cut where it must be.
 */
export class TextFolder {
  #held = "";

  push(text: string): string {
    let rest = this.#held + text;
    let folded = "";
    let cut = lastCut(rest);
    if (cut > 0) {
      folded = foldRuns(rest.slice(0, cut));
      rest = rest.slice(cut);
    }
    while (rest.length > heldCharactersMax) {
      cut = cutOfRun(rest);
      folded += foldText(rest.slice(0, cut));
      rest = rest.slice(cut);
    }
    this.#held = rest;
    return folded;
  }

  end(): string {
    const rest = this.#held;
    this.#held = "";
    return foldRuns(rest);
  }
}

function isAscii(text: string): boolean {
  return !/[^\0-\x7f]/.test(text);
}

/** Before the last ASCII character, and not within a CRLF. */
function lastCut(text: string): number {
  let at = text.length - 1;
  while (at > 0 && text.charCodeAt(at) > 0x7f) at -= 1;
  return at > 0 && text[at] === "\n" && text[at - 1] === "\r" ? at - 1 : at;
}

/** Runs without ASCII are cut at the same places, however the text came. */
function foldRuns(text: string): string {
  if (text.length <= heldCharactersMax || isAscii(text)) return foldText(text);
  let folded = "";
  let start = 0;
  for (const { 0: run, index } of text.matchAll(longRun)) {
    const end = index + run.length;
    folded += foldText(text.slice(start, index));
    start = index;
    while (end - start > heldCharactersMax) {
      const cut = start + cutOfRun(text.slice(start, end));
      folded += foldText(text.slice(start, cut));
      start = cut;
    }
  }
  return folded + foldText(text.slice(start));
}

/** An ASCII character and what follows up to the next, where that is too much. */
const longRun = new RegExp(`(?:\\r\\n|[\\0-\\x7f])?[^\\0-\\x7f]{${heldCharactersMax},}`, "g");

/** Not within a surrogate pair. */
function cutOfRun(run: string): number {
  const isWithinPair = (run.charCodeAt(heldCharactersMax) & 0xfc00) === 0xdc00;
  return isWithinPair ? heldCharactersMax - 1 : heldCharactersMax;
}
