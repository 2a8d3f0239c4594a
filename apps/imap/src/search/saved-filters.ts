import type { AccountMail } from "@posthouse/mailbox-store";

/** Searches that clients keep under a name, RFC 5466. Where they are kept is another's to say. */
export interface SavedFilters {
  /** The search-criteria of a filter as its octets, one character an octet; undefined when there is none. */
  valueOf(mail: AccountMail, name: string): Promise<string | undefined>;
}
