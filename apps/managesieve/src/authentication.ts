import type { AuthenticateResult } from "@posthouse/accounts";
import { accountOf, type LoginRules } from "@posthouse/session";
import type { Session } from "./command.ts";
import { limits } from "./limits.ts";
import { no, type ResponseCode } from "./response.ts";
import type { States } from "./state.ts";

const loginRules: LoginRules<ResponseCode> = {
  failedLoginsMax: limits.failedLoginsMax,
  wrong: undefined,
  banned: "TRYLATER",
};

/** RFC 5804 §5: nothing that asks for a password works where it could be overheard. */
export function requirePrivacy(session: Session): void {
  if (session.isLoginAllowed) return;
  throw no("Passwords are taken only in TLS: give STARTTLS first", "ENCRYPT-NEEDED");
}

/**
 * Opens the scripts of whoever was authenticated; the one way into the authenticated state. apps/auth
 * writes logins and refusals into the event trail.
 */
export function enterAs(session: Session, result: AuthenticateResult): States["authenticated"] {
  const account = accountOf(session, result, loginRules);
  const slot = session.services.sessions.take(account.id);
  if (slot === undefined) throw no("Too many connections of this account", "TRYLATER");
  session.watchLogin(result);
  return { name: "authenticated", account, scripts: session.services.scripts.of(account), slot };
}
