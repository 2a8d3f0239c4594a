import { join } from "node:path";
import type { AccountPlace } from "./backup/account-files.ts";
import { StoreError } from "./store-error.ts";

/**
 * `<mail directory>/<domain>/<local part>`: lower case, and every octet that is not plain in a file name
 * as %XX, so that no address leads out of the mail directory.
 */
export function accountPath(mailDirectory: string, address: string): string {
  const { domain, localPart } = accountPlaceOf(address);
  return join(mailDirectory, domain, localPart);
}

/** The two directory names of an account. @throws StoreError */
export function accountPlaceOf(address: string): AccountPlace {
  const at = address.lastIndexOf("@");
  const domain = encodeLevel(address.slice(at + 1));
  const localPart = encodeLevel(address.slice(0, Math.max(at, 0)));
  if (domain === "" || localPart === "" || domain.length > 255 || localPart.length > 255) {
    throw new StoreError("not-permitted", `Cannot keep mail for "${address}"`);
  }
  return { domain, localPart };
}

function encodeLevel(text: string): string {
  const lowered = Buffer.from(text.toLowerCase().normalize("NFC"));
  let encoded = "";
  for (const octet of lowered) {
    const character = String.fromCharCode(octet);
    const isPlain = /[a-z0-9_+=-]/.test(character) || (character === "." && encoded !== "");
    encoded += isPlain ? character : `%${octet.toString(16).toUpperCase().padStart(2, "0")}`;
  }
  return encoded;
}
