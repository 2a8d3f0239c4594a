import { StoreError } from "../store-error.ts";

const suffix = ".sieve";

/**
 * The file of a script: its name with all but plain characters as %XX, so that no name leads anywhere
 * else, and ".sieve". RFC 5804 §1.6: no control characters, 128 characters at most.
 */
export function scriptFileName(name: string): string {
  const normal = name.normalize("NFC");
  const isFit = normal !== "" && !/[\p{Cc}\u2028\u2029]/u.test(normal) && normal.isWellFormed();
  let encoded = "";
  for (const octet of Buffer.from(normal)) {
    const character = String.fromCharCode(octet);
    const isPlain = /[A-Za-z0-9_ +=-]/.test(character) || (character === "." && encoded !== "");
    encoded += isPlain ? character : `%${octet.toString(16).toUpperCase().padStart(2, "0")}`;
  }
  if (isFit && Array.from(normal).length <= 128 && encoded.length + suffix.length <= 255) {
    return `${encoded}${suffix}`;
  }
  throw new StoreError("not-permitted", `A script cannot have the name ${JSON.stringify(name)}`);
}

/** Undefined for a file that is no script of ours. */
export function scriptNameOf(fileName: string): string | undefined {
  if (!fileName.endsWith(suffix)) return undefined;
  try {
    const name = decodeURIComponent(fileName.slice(0, -suffix.length));
    return scriptFileName(name) === fileName ? name : undefined;
  } catch {
    return undefined;
  }
}
