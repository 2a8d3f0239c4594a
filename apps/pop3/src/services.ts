import type { ApopLogins, AuthClient } from "@posthouse/accounts";
import type { MailStore } from "@posthouse/mailbox-store";
import type { SessionServices } from "@posthouse/session";
import type { LoginDelay } from "./login-delay.ts";
import type { UidlFormat } from "./uidl-format.ts";

/** What all sessions of the process share. */
export interface Services extends SessionServices {
  readonly store: MailStore;
  readonly auth: AuthClient & ApopLogins;
  readonly uidlFormat: UidlFormat;
  readonly loginDelay: LoginDelay;
}
