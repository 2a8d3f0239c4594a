import type { AuthenticateResult } from "@posthouse/accounts";
import { accountOf, type LoginRules } from "@posthouse/session";
import type { Completion, Session } from "./command.ts";
import { limits } from "./limits.ts";
import { Maildrop } from "./maildrop.ts";
import { type ResponseCode, refused } from "./reply.ts";

const loginRules: LoginRules<ResponseCode> = {
  failedLoginsMax: limits.failedLoginsMax,
  wrong: "AUTH",
  banned: "LOGIN-DELAY",
};

export interface Credentials {
  readonly username: string;
  readonly password: string;
}

/** RFC 2595 §2.3: nothing that asks for a password works where it could be overheard. */
export function requirePrivacy(session: Session): void {
  if (session.isLoginAllowed) return;
  throw refused("Passwords are taken only in TLS: give STLS first");
}

/** Checks a password and locks the maildrop of its account. */
export async function logIn(session: Session, credentials: Credentials): Promise<Completion> {
  const { remoteAddress } = session.connection;
  const { auth } = session.services;
  return await enterAs(session, () =>
    auth.authenticate({ ...credentials, protocol: "pop3", remoteAddress }),
  );
}

/**
 * Locks the maildrop of whoever was authenticated; the one way into the transaction state. apps/auth
 * writes logins and refusals into the event trail.
 */
export async function enterAs(
  session: Session,
  authenticate: () => Promise<AuthenticateResult>,
): Promise<Completion> {
  const result = await authenticate();
  const account = accountOf(session, result, loginRules);
  const { loginDelay } = session.services;
  const waitSeconds = loginDelay.secondsFor(account.id);
  if (waitSeconds > 0) {
    throw refused(`You were here just now: try again in ${waitSeconds} seconds`, "LOGIN-DELAY");
  }
  const maildrop = await Maildrop.open(session.services.store, account);
  if (maildrop === undefined) {
    throw refused("Another session has this maildrop: is a second client at work?", "IN-USE");
  }
  session.watchLogin(result);
  loginDelay.loggedIn(account.id);
  return {
    text: `The maildrop has ${maildrop.summary}`,
    state: { name: "transaction", maildrop },
  };
}
