import type { AnnotationRow } from "../index/rows.ts";
import { decodeWord, encodeWord, isEncodedWord } from "./plain-word.ts";

/**
 * A line for each value, in posthouse-mailbox and in posthouse-annotations:
 *
 *   annotation /shared/comment bXkgbWFpbA==            value in base64; "=" alone is a value of no octets
 *   annotation /private/comment bXkgbWFpbA== bob       the /private of another user
 *
 * Space, "%", control characters and what is not ASCII are %XX in names.
 */
export function formatAnnotationLines(annotations: readonly AnnotationRow[]): string[] {
  return annotations.map(({ user, entry, value }) => {
    const base64 = Buffer.from(value).toString("base64") || "=";
    const whose = user === "" ? "" : ` ${encodeWord(user)}`;
    return `annotation ${encodeWord(entry)} ${base64}${whose}`;
  });
}

/** undefined where the line is none of these. */
export function parseAnnotationLine(line: string): AnnotationRow | undefined {
  const [name, entry = "", base64 = "", user = "", ...more] = line.split(" ");
  if (name !== "annotation" || more.length > 0) return undefined;
  if (!/^%?\//.test(entry) || !isEncodedWord(entry) || !isEncodedWord(user)) return undefined;
  const value = Buffer.from(base64 === "=" ? "" : base64, "base64");
  // What would not be written so is not read so: the line is kept as it is.
  if ((value.toString("base64") || "=") !== base64) return undefined;
  return { user: decodeWord(user), entry: decodeWord(entry), value };
}
