import { createHash } from "node:crypto";
import type { Expunged } from "@posthouse/mailbox-store";

/** Ids that can be typed: as many digits of a hash as tell them all apart, 8 at least. */
export function shortIds(
  all: readonly Expunged[],
): readonly (Expunged & { readonly shortId: string })[] {
  const hashes = all.map(({ id }) => createHash("sha256").update(id).digest("hex"));
  let digits = 8;
  while (new Set(hashes.map((hash) => hash.slice(0, digits))).size < all.length) digits += 1;
  return all.map((one, at) => ({ ...one, shortId: (hashes[at] ?? "").slice(0, digits) }));
}
