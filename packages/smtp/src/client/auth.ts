import type { Reply } from "../reply.ts";
import type { Conversation } from "./conversation.ts";
import type { SmtpExtensions } from "./extensions.ts";

export interface SmtpCredentials {
  readonly username: string;
  readonly password: string;
  /** Off unless set: PLAIN and LOGIN show the password to everyone on the way (RFC 4954 §4). */
  readonly isPlaintextAllowed?: boolean;
}

/** The password never goes to the log: each line that holds it is shown by this. */
const HIDDEN = "(credentials)";

/** AUTH PLAIN (RFC 4616 §2) where offered, else LOGIN, which has no standard and many servers. */
export async function authenticate(
  conversation: Conversation,
  session: { readonly extensions: SmtpExtensions; readonly isEncrypted: boolean },
  credentials: SmtpCredentials,
  timeoutMs: number,
): Promise<Reply> {
  if (!session.isEncrypted && credentials.isPlaintextAllowed !== true) {
    return { code: 538, enhanced: "5.7.11", text: "The password is not sent without TLS" };
  }
  const mechanisms = (session.extensions.get("AUTH") ?? "").toUpperCase().split(/\s+/u);
  const ask = (line: string): Promise<Reply> => conversation.ask(line, "auth", timeoutMs, HIDDEN);
  if (mechanisms.includes("PLAIN")) {
    return await ask(`AUTH PLAIN ${base64(`\0${credentials.username}\0${credentials.password}`)}`);
  }
  if (mechanisms.includes("LOGIN")) return await login(ask, credentials);
  return { code: 504, enhanced: "5.5.4", text: "The server offers neither AUTH PLAIN nor LOGIN" };
}

async function login(
  ask: (line: string) => Promise<Reply>,
  { username, password }: SmtpCredentials,
): Promise<Reply> {
  let reply = await ask("AUTH LOGIN");
  for (const secret of [username, password]) {
    if (reply.code !== 334) return reply;
    reply = await ask(base64(secret));
  }
  return reply;
}

const base64 = (text: string): string => Buffer.from(text, "utf8").toString("base64");
