import type { AccountMail, MailboxInfo } from "@posthouse/mailbox-store";
import { limits } from "../limits.ts";
import { isSharedName } from "../mailboxes/shared-name.ts";
import { no } from "../response.ts";
import type { SearchSource } from "../syntax/source-options.ts";

/** Names of the mailboxes that some sources other than "selected" mean, each once (RFC 7377 §2.2). */
export async function searchedMailboxes(
  mail: AccountMail,
  sources: readonly SearchSource[],
): Promise<readonly string[]> {
  const all = await mail.listMailboxes();
  const names = new Set<string>();
  for (const source of sources) {
    for (const mailbox of all) {
      if (mailbox.exists && isMeant(mailbox, source)) names.add(mailbox.name);
    }
  }
  if (names.size > limits.searchedMailboxesMax) throw no("LIMIT", "Too many mailboxes");
  return [...names];
}

function isMeant({ name, isSubscribed }: MailboxInfo, source: SearchSource): boolean {
  switch (source.kind) {
    case "selected":
      return false;
    case "personal":
    // RFC 5465 §6.3: a Sieve script may deliver anywhere, so that is every mailbox.
    case "inboxes":
      return !isSharedName(name);
    case "subscribed":
      return isSubscribed;
    case "mailboxes":
      return source.names.includes(name);
    case "subtree":
      return source.names.some((top) => name === top || name.startsWith(`${top}/`));
    case "subtree-one":
      return source.names.some(
        (top) =>
          name === top || (name.startsWith(`${top}/`) && !name.slice(top.length + 1).includes("/")),
      );
  }
}
