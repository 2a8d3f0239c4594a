import { bad } from "../response.ts";

/**
 * An identifier of RFC 4314 §3, prepared as SASLprep does for what an address can have in it: compatibility
 * characters are mapped, control and unassigned ones refused.
 */
export function prepareIdentifier(text: string): string {
  const prepared = text.normalize("NFKC");
  if (prepared === "" || prepared === "-" || /[\p{C}\p{Z}]/u.test(prepared)) {
    throw bad("That cannot be an identifier");
  }
  return prepared;
}
