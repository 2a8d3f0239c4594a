import type { SpecialUse } from "../types.ts";
import type { SourceTree } from "./source-tree.ts";

/**
 * What programs call these mailboxes, the likeliest first. Dovecot and Courier keep the uses of mailboxes
 * (RFC 6154 §2) in their configuration or not at all, so that the name is all there is.
 */
const namesOfUse: readonly (readonly [SpecialUse, readonly string[]])[] = [
  ["\\Archive", ["archive", "archives"]],
  ["\\Drafts", ["drafts", "postponed-msgs", "postponed"]],
  ["\\Junk", ["junk", "spam", "junk e-mail"]],
  ["\\Sent", ["sent", "sent items", "sent messages", "sent-mail"]],
  ["\\Trash", ["trash", "deleted items", "deleted messages"]],
];

/** By folder; one mailbox a use. */
export function specialUsesOf(tree: SourceTree): ReadonlyMap<string, readonly SpecialUse[]> {
  const uses = new Map<string, readonly SpecialUse[]>();
  for (const [use, names] of namesOfUse) {
    const folder = names
      .map((name) => tree.folders.find((one) => one.name.toLowerCase() === name))
      .find((one) => one !== undefined);
    if (folder !== undefined) uses.set(folder.folder, [use]);
  }
  return uses;
}
