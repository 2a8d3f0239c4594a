import type { Reply } from "../../reply.ts";
import { defineCommand } from "../command.ts";
import type { SmtpLogin, SmtpSasl } from "../handler.ts";
import { LINE_TOO_LONG } from "../input.ts";
import { serverLimits } from "../limits.ts";
import { replies } from "../replies.ts";
import type { Session } from "../session.ts";

type Credentials = { readonly username: string; readonly password: string };
type Mechanism = (
  session: Session,
  initialResponse: string | undefined,
) => Promise<Credentials | Reply | undefined>;

/** AUTH: RFC 4954 §4. */
export const auth = defineCommand({
  name: "AUTH",
  needs: "hello",
  async run(session, argument) {
    const refusal = refusalOf(session);
    if (refusal !== undefined) return session.bad(refusal);
    const match = /^([A-Za-z0-9_-]{1,20})(?: +([!-~]+))?$/.exec(argument);
    if (match?.[1] === undefined) return session.bad(replies.badAuthSyntax);
    const name = match[1].toUpperCase();
    const mechanism = mechanisms.get(name);
    if (!mechanismsOffered(session).includes(name)) return session.bad(replies.unknownMechanism);
    const { sasl } = session.options.handler;
    if (sasl !== undefined) return await leaveToApp(session, sasl, name, match[2]);
    if (mechanism === undefined) return session.bad(replies.unknownMechanism);

    const credentials = await mechanism(session, match[2]);
    // The client is gone.
    if (credentials === undefined) return;
    if ("code" in credentials) return session.bad(credentials);
    await login(session, credentials);
  },
});

/** The mechanisms of the app, or the two that only ask for a password. */
export function mechanismsOffered({ options, peer }: Session): readonly string[] {
  return options.handler.sasl?.mechanisms(peer) ?? [...mechanisms.keys()];
}

/** Why an exchange has no end: the reply to it, or none when the client is gone. */
class ExchangeBroken extends Error {
  override readonly name = "ExchangeBroken";
  readonly reply: Reply | undefined;

  constructor(reply: Reply | undefined) {
    super("The client did not answer a challenge");
    this.reply = reply;
  }
}

async function leaveToApp(
  session: Session,
  sasl: SmtpSasl,
  mechanism: string,
  initialResponse: string | undefined,
): Promise<void> {
  const ask = async (challenge: string): Promise<string> => {
    session.reply({ code: 334, text: challenge });
    const line = await session.readLine();
    if (line === undefined) throw new ExchangeBroken(undefined);
    if (line === LINE_TOO_LONG) throw new ExchangeBroken(replies.authTooLong);
    return line.toString("latin1");
  };
  try {
    const exchange = { mechanism, initialResponse, ask };
    finishLogin(session, await sasl.authenticate(exchange, session.peer));
  } catch (error) {
    if (!(error instanceof ExchangeBroken)) throw error;
    if (error.reply !== undefined) session.bad(error.reply);
  }
}

function refusalOf(session: Session): Reply | undefined {
  if (session.options.handler.authenticate === undefined) return replies.notImplemented;
  if (session.peer.authenticatedAs !== undefined) return replies.authIsDone;
  if (session.transaction !== undefined) return replies.authInTransaction;
  return session.canAuthenticate ? undefined : replies.authNeedsTls;
}

async function login(session: Session, credentials: Credentials): Promise<void> {
  const answer = await session.options.handler.authenticate?.(credentials, session.peer);
  if (answer === undefined) return session.bad(replies.notImplemented);
  finishLogin(session, answer);
}

function finishLogin(session: Session, answer: SmtpLogin | Reply): void {
  if ("authenticatedAs" in answer) {
    session.logIn(answer);
    session.reply(replies.authenticated);
  } else if (answer.code === replies.badAuthResponse.code) {
    // A response that cannot be read, or "*", is no wrong password.
    session.bad(answer);
  } else {
    refuse(session, answer);
  }
}

function refuse(session: Session, answer: Reply): void {
  session.failedLogins++;
  if (answer.code === 421) {
    session.hangUp(answer);
    return;
  }
  session.reply(answer);
  if (session.failedLogins >= serverLimits.failedLoginsMax) session.hangUp(replies.tooManyErrors);
}

const mechanisms: ReadonlyMap<string, Mechanism> = new Map([
  ["PLAIN", plain],
  ["LOGIN", loginMechanism],
]);

/** RFC 4616 §2: authorization identity, NUL, authentication identity, NUL, password. */
async function plain(session: Session, initial: string | undefined) {
  const response = initial === undefined ? await ask(session, "") : decoded(initial);
  if (typeof response !== "string") return response;
  const [authzid, username, password, ...more] = response.split("\0");
  if (authzid === undefined || !username || password === undefined || more.length > 0) {
    return replies.badAuthResponse;
  }
  // Nobody may act for another here, so that this is a failed login and no syntax error.
  if (authzid !== "" && authzid !== username) return replies.badCredentials;
  return { username, password };
}

/** draft-murchison-sasl-login: two questions, still the only mechanism of some clients. */
async function loginMechanism(session: Session, initial: string | undefined) {
  const username = initial === undefined ? await ask(session, "Username:") : decoded(initial);
  if (typeof username !== "string") return username;
  const password = await ask(session, "Password:");
  if (typeof password !== "string") return password;
  if (username === "" || `${username}${password}`.includes("\0")) return replies.badAuthResponse;
  return { username, password };
}

/** Sends a challenge; the decoded response, why there is none, or undefined when the client is gone. */
async function ask(session: Session, challenge: string): Promise<string | Reply | undefined> {
  session.reply({ code: 334, text: Buffer.from(challenge, "utf8").toString("base64") });
  const line = await session.readLine();
  if (line === undefined) return undefined;
  if (line === LINE_TOO_LONG) return replies.authTooLong;
  const text = line.toString("latin1");
  // RFC 4954 §4: a line with a single "*" cancels.
  return text === "*" ? replies.authCancelled : decoded(text);
}

function decoded(text: string): string | Reply {
  // RFC 4954 §4: an initial response of no octets is "=".
  if (text === "=" || text === "") return "";
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(text) || text.length % 4 !== 0) return replies.badAuthResponse;
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(
      Buffer.from(text, "base64"),
    );
  } catch {
    return replies.badAuthResponse;
  }
}
