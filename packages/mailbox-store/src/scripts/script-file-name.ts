import { createHash } from "node:crypto";
import { StoreError } from "../store-error.ts";

const suffix = ".sieve";
/** No name of a script becomes one with this at its beginning: it is escaped there. */
const longMark = "~";

/**
 * The file of a script: its name with all but plain characters as %XX, so that no name leads anywhere
 * else, and ".sieve". A name that is too long for that, such as one of 28 Chinese characters, has a file that is
 * called by its SHA-256, and its name stands in `names`. RFC 5804 §1.6: no control characters, 128 characters at
 * most.
 */
export function scriptFileName(name: string): string {
  const normal = name.normalize("NFC");
  const isFit = normal !== "" && !/[\p{Cc}\u2028\u2029]/u.test(normal) && normal.isWellFormed();
  if (!isFit || Array.from(normal).length > 128) {
    throw new StoreError("not-permitted", `A script cannot have the name ${JSON.stringify(name)}`);
  }
  let encoded = "";
  for (const octet of Buffer.from(normal)) {
    const character = String.fromCharCode(octet);
    const isPlain = /[A-Za-z0-9_ +=-]/.test(character) || (character === "." && encoded !== "");
    encoded += isPlain ? character : `%${octet.toString(16).toUpperCase().padStart(2, "0")}`;
  }
  if (encoded.length + suffix.length <= 255) return `${encoded}${suffix}`;
  return `${longMark}${createHash("sha256").update(normal).digest("hex")}${suffix}`;
}

/** The file of a list of addresses: as that of a script, ".list" at its end. */
export function listFileName(name: string): string {
  const fileName = scriptFileName(name);
  if (!isLongName(fileName)) return `${fileName.slice(0, -suffix.length)}.list`;
  throw new StoreError("not-permitted", `The name of a list is too long: ${JSON.stringify(name)}`);
}

/** Undefined for a file that is no list. */
export const listNameOf = (fileName: string): string | undefined =>
  fileName.endsWith(".list") ? scriptNameOf(`${fileName.slice(0, -5)}${suffix}`) : undefined;

/** Whether the name stands in `names` and not in the file's own. */
export const isLongName = (fileName: string): boolean => fileName.startsWith(longMark);

/** Undefined for a file that is no script of ours, or whose name is a long one. */
export function scriptNameOf(fileName: string): string | undefined {
  if (!fileName.endsWith(suffix) || isLongName(fileName)) return undefined;
  try {
    const name = decodeURIComponent(fileName.slice(0, -suffix.length));
    return scriptFileName(name) === fileName ? name : undefined;
  } catch {
    return undefined;
  }
}

/** Long names by their files. A line that is none is passed over. */
export function parseLongNames(text: string): Map<string, string> {
  const names = new Map<string, string>();
  for (const line of text.split("\n")) {
    try {
      const fileName = scriptFileName(line);
      if (isLongName(fileName)) names.set(fileName, line);
    } catch {
      // Half a line after a crash, or what an editor left.
    }
  }
  return names;
}
