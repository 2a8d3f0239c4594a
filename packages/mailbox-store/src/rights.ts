import { limits } from "./limits.ts";
import { StoreError } from "./store-error.ts";
import type { RightsChange } from "./types.ts";

/** @throws StoreError "not-permitted" for what RFC 4314 §3 does not let be an identifier */
export function checkedIdentifier(identifier: string): string {
  const isIdentifier =
    identifier !== "" &&
    identifier.isWellFormed() &&
    !/\p{Cc}/u.test(identifier) &&
    Buffer.byteLength(identifier) <= limits.identifierOctetsMax;
  if (isIdentifier) return identifier;
  throw new StoreError("not-permitted", `Cannot give rights to "${identifier}"`);
}

/** Letters and digits, each once, in order: RFC 4314 §2. */
export function changedRights(before: string, change: RightsChange): string {
  if (!/^[a-z0-9]*$/.test(change.rights)) {
    throw new StoreError("not-permitted", `Cannot give the rights "${change.rights}"`);
  }
  const rights = new Set(change.mode === "replace" ? "" : before);
  for (const right of change.rights) {
    if (change.mode === "remove") rights.delete(right);
    else rights.add(right);
  }
  return [...rights].sort().join("");
}
