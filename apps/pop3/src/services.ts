import type { ApopLogins, AuthClient } from "@posthouse/accounts";
import type { MailStore } from "@posthouse/mailbox-store";
import type { AppContext, TlsIdentity } from "@posthouse/service";
import type { LoginDelay } from "./login-delay.ts";
import type { UidlFormat } from "./uidl-format.ts";

/** What all sessions of the process share. */
export interface Services extends Pick<AppContext, "config" | "log" | "events"> {
  readonly store: MailStore;
  readonly auth: AuthClient & ApopLogins;
  readonly tls: TlsIdentity;
  readonly uidlFormat: UidlFormat;
  readonly loginDelay: LoginDelay;
}
