import type { AuthClient } from "@posthouse/accounts";
import type { MailStore } from "@posthouse/mailbox-store";
import type { AppContext, SharedCounts, TlsIdentity } from "@posthouse/service";
import type { Previews } from "./answers/previews.ts";
import type { MessageLimits } from "./message-limit.ts";
import type { ScriptEvents } from "./script-events.ts";
import type { SavedFilters } from "./search/saved-filters.ts";

/** What all sessions of the process share. */
export interface Services extends Pick<AppContext, "config" | "log" | "events"> {
  readonly store: MailStore;
  readonly auth: AuthClient;
  readonly tls: TlsIdentity;
  /** Apps/auth knows somebody who can say whose a token is: OAUTHBEARER and XOAUTH2 are there. */
  readonly takesTokens: boolean;
  readonly savedFilters: SavedFilters;
  readonly messageLimits: MessageLimits;
  /** Previews that were made for any session. */
  readonly previews: Previews;
  /** What scripts hear of (RFC 6785). */
  readonly scriptEvents: ScriptEvents;
  /** Sessions that are logged in, by account and address. */
  readonly logins: SharedCounts;
}
