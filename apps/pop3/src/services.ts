import type { AuthClient } from "@posthouse/accounts";
import type { MailStore } from "@posthouse/mailbox-store";
import type { AppContext, TlsIdentity } from "@posthouse/service";

/** What all sessions of the process share. */
export interface Services extends Pick<AppContext, "config" | "log" | "events"> {
  readonly store: MailStore;
  readonly auth: AuthClient;
  readonly tls: TlsIdentity;
}
