import type { Account, AuthenticateResult } from "@posthouse/accounts";
import { capabilityText } from "./capabilities.ts";
import type { Completion, Session } from "./command.ts";
import { limits } from "./limits.ts";
import { UserMail } from "./mailboxes/user-mail.ts";
import { Farewell, no, type ResponseCode } from "./response.ts";
import type { States, User } from "./state.ts";

export interface Credentials {
  readonly username: string;
  readonly password: string;
}

/** RFC 3501 §11.1: nothing that asks for a password works where it could be overheard. */
export function requirePrivacy(session: Session): void {
  if (session.isLoginAllowed) return;
  throw no("PRIVACYREQUIRED", "Passwords are taken only in TLS: give STARTTLS first");
}

/** Checks a password and opens the mail of its account. */
export async function logIn(session: Session, credentials: Credentials): Promise<Completion> {
  const { remoteAddress } = session.connection;
  const { auth } = session.services;
  return await enterAs(session, () =>
    auth.authenticate({ ...credentials, protocol: "imap", remoteAddress }),
  );
}

/** Opens the mail of whoever was authenticated; the one way into the authenticated state. */
export async function enterAs(
  session: Session,
  authenticate: () => Promise<AuthenticateResult>,
): Promise<Completion> {
  const result = await authenticate();
  const account = accountOf(session, result);
  const onEnd = result.kind === "ok" ? result.onEnd : undefined;
  const state: States["authenticated"] = {
    name: "authenticated",
    user: await openUser(session, account, onEnd),
  };
  // RFC 3501 §6.2.2: the capabilities may differ from here on, so they come with the answer.
  return { text: "Logged in", codeThen: capabilityCode, state };
}

const capabilityCode = (session: Session): ResponseCode => `CAPABILITY ${capabilityText(session)}`;

function accountOf(session: Session, result: AuthenticateResult): Account {
  if (result.kind === "ok") return result.account;
  if (result.kind === "banned") {
    throw no(
      "UNAVAILABLE",
      `Too many failed logins from your address: try again in ${result.retryAfterSeconds} seconds`,
    );
  }
  session.failedLogins += 1;
  if (session.failedLogins >= limits.failedLoginsMax) {
    throw new Farewell("AUTHENTICATIONFAILED", "Too many failed logins");
  }
  throw no("AUTHENTICATIONFAILED", "Wrong user name or password");
}

async function openUser(
  session: Session,
  account: Account,
  onEnd: ((end: () => void) => Disposable) | undefined,
): Promise<User> {
  const { connection, services } = session;
  const { remoteAddress } = connection;
  const slot = await services.logins.take(`${account.id} ${remoteAddress}`);
  if (slot === undefined) {
    throw no("LIMIT", "Too many connections of this account from your address");
  }
  try {
    const mail = new UserMail(await services.store.openAccount(account), account, services);
    const login = onEnd?.(() => session.endLogin());
    const who = { protocol: "imap", account: account.address, remoteAddress };
    return {
      account,
      mail,
      async [Symbol.asyncDispose]() {
        login?.[Symbol.dispose]();
        slot[Symbol.dispose]();
        const { bytesRead, bytesWritten } = connection;
        services.events.record({ type: "logout", ...who, bytesRead, bytesWritten });
        await mail[Symbol.asyncDispose]();
      },
    };
  } catch (error) {
    slot[Symbol.dispose]();
    throw error;
  }
}
