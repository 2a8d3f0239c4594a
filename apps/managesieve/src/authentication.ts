import type { Account, AuthenticateResult } from "@posthouse/accounts";
import type { Session } from "./command.ts";
import { limits } from "./limits.ts";
import { Farewell, no } from "./response.ts";
import type { States } from "./state.ts";

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
  const account = accountOf(session, result);
  const slot = session.services.sessions.take(account.id);
  if (slot === undefined) throw no("Too many connections of this account", "TRYLATER");
  return { name: "authenticated", account, scripts: session.services.scripts.of(account), slot };
}

function accountOf(session: Session, result: AuthenticateResult): Account {
  switch (result.kind) {
    case "ok":
      return result.account;
    case "banned":
      throw no(
        `Too many failed logins from your address: try again in ${result.retryAfterSeconds} seconds`,
        "TRYLATER",
      );
    case "refused":
      session.failedLogins += 1;
      if (session.failedLogins >= limits.failedLoginsMax) {
        throw new Farewell("Too many failed authentication attempts");
      }
      throw no("Wrong user name or password");
  }
}
