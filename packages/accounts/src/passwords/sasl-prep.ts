import {
  leftToRight,
  mappedToNothing,
  nonAsciiSpaces,
  prohibited,
  rightToLeft,
  unassigned,
} from "./stringprep-tables.ts";

/** The text cannot be a user name or password. The message ends the sentence "The password …". */
export class SaslPrepError extends Error {
  override readonly name = "SaslPrepError";
}

/**
 * SASLprep (RFC 4013): passwords that look alike become the same octets, whichever keyboard and system
 * they were typed on. RFC 8265's OpaqueString has succeeded it, but SCRAM is defined over this one
 * (RFC 5802 §2.2), and its clients prepare before they hash.
 *
 * NFKC is of the Unicode version that this Node has. It differs from 3.2 only for characters
 * that 3.2 does not know, which `stored` refuses and a query then fails to match.
 *
 * @param use `stored` also refuses what Unicode 3.2 does not know (RFC 4013 §2.5), `query` lets it pass
 * @throws SaslPrepError
 */
export function saslPrep(text: string, use: "stored" | "query"): string {
  if (!text.isWellFormed()) throw new SaslPrepError("is not Unicode text");
  const prepared = map(text).normalize("NFKC");
  const characters = Array.from(prepared, (character) => character.codePointAt(0) as number);
  for (const codePoint of characters) {
    if (prohibited.has(codePoint)) {
      throw new SaslPrepError(`contains ${named(codePoint)}, which is not allowed (RFC 4013)`);
    }
    if (use === "stored" && unassigned.has(codePoint)) {
      throw new SaslPrepError(
        `contains ${named(codePoint)}, which not every program can send; choose another character`,
      );
    }
  }
  checkDirection(characters);
  return prepared;
}

/** RFC 4013 §2.1. */
function map(text: string): string {
  let mapped = "";
  for (const character of text) {
    const codePoint = character.codePointAt(0) as number;
    // U+200B is in both tables and RFC 4013 does not say which counts: a space, as it names them first.
    if (nonAsciiSpaces.has(codePoint)) mapped += " ";
    else if (!mappedToNothing.has(codePoint)) mapped += character;
  }
  return mapped;
}

/** RFC 3454 §6: right-to-left text has nothing of the other direction in it, and begins and ends so. */
function checkDirection(characters: readonly number[]): void {
  if (!characters.some((codePoint) => rightToLeft.has(codePoint))) return;
  const ends = [characters.at(0), characters.at(-1)];
  const isWhole = ends.every((end) => end !== undefined && rightToLeft.has(end));
  if (!isWhole || characters.some((codePoint) => leftToRight.has(codePoint))) {
    throw new SaslPrepError("mixes directions of writing in a way that is not allowed (RFC 4013)");
  }
}

function named(codePoint: number): string {
  if (codePoint < 0x20 || codePoint === 0x7f) return "a control character";
  return `the character U+${codePoint.toString(16).toUpperCase().padStart(4, "0")}`;
}
