import type { Hierarchy } from "@posthouse/mailbox-store";
import { isRestoreName } from "../mailboxes/restore-name.ts";
import { canonicalSharedName, isSharedName } from "../mailboxes/shared-name.ts";
import { canonicalMailboxName } from "./mailbox-name.ts";

/**
 * Between the store's names, `Archive/2026`, and what a client of this account writes for them: the same, or
 * `INBOX.Archive.2026` in an account that came from Courier. INBOX is INBOX everywhere (RFC 9051 §5.1).
 */
export const ownHierarchy: Hierarchy = { separator: "/", prefix: "" };

/** The store's name; undefined where no mailbox can have the client's. */
export function storeNameOf(text: string, { separator, prefix }: Hierarchy): string | undefined {
  if (text.toUpperCase() === "INBOX") return "INBOX";
  // A namespace of its own, with its own separator (RFC 2342 §5).
  if (isSharedName(text)) return canonicalSharedName(text);
  if (isRestoreName(text)) return text;
  const below = withoutPrefix(text.normalize("NFC"), prefix);
  if (below === undefined) return undefined;
  // Two separators would make two names of one mailbox.
  if (separator !== "/" && below.includes("/")) return undefined;
  const name = canonicalMailboxName(below.replaceAll(separator, "/"));
  // The prefix of another mailbox, not a second way to write INBOX.
  return name === "INBOX" ? undefined : name;
}

/** What the client calls it. */
export function clientNameOf(name: string, { separator, prefix }: Hierarchy): string {
  if (name === "INBOX" || isSharedName(name) || isRestoreName(name)) return name;
  return prefix + name.replaceAll("/", separator);
}

/** A prefix `INBOX.` is matched as INBOX is, in any case. */
function withoutPrefix(text: string, prefix: string): string | undefined {
  const start = text.slice(0, prefix.length);
  const isSame = /^INBOX\W/.test(prefix)
    ? start.toUpperCase() === prefix.toUpperCase()
    : start === prefix;
  return isSame ? text.slice(prefix.length) : undefined;
}
