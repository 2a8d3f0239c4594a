import type { AuthClient } from "@posthouse/accounts";
import type { MailStore, ScriptStore } from "@posthouse/mailbox-store";
import type { SessionServices } from "@posthouse/session";
import type { ScriptChecker } from "@posthouse/sieve/check";
import type { AccountSessions } from "./account-sessions.ts";

/** What all sessions of the process share. */
export interface Services extends SessionServices {
  readonly scripts: ScriptStore;
  /** Makes the folder of an account that has had no mail yet. */
  readonly store: MailStore;
  readonly auth: AuthClient;
  readonly sessions: AccountSessions;
  readonly checker: ScriptChecker;
}
