import { authenticateBySasl, SaslError, saslMechanisms } from "@posthouse/accounts";
import { bad } from "@posthouse/session";
import { ConnectionLost } from "@posthouse/wire";
import { enterAs, requirePrivacy } from "../authentication.ts";
import { authorization, defineCommand, type Session } from "../command.ts";
import { limits } from "../limits.ts";
import { refused } from "../reply.ts";
import { textLines } from "../text-lines.ts";

/** The mechanisms that can work on this connection, as CAPA tells them (RFC 2449 §6.3). */
export function mechanismNames({ connection, services }: Session): readonly string[] {
  return saslMechanisms(connection, { hasScramSha1: services.config.auth.scramSha1 });
}

/** AUTH: RFC 1734, with the initial response of RFC 5034 §4. */
export const auth = defineCommand({
  name: "AUTH",
  states: authorization,
  async run(_state, args, session) {
    requirePrivacy(session);
    const name = args.optionalWord()?.toUpperCase();
    const names = mechanismNames(session);
    // No RFC has AUTH without a mechanism, but Outlook asks so which there are.
    if (name === undefined) return { text: "Mechanisms follow", body: textLines(names) };
    const initialResponse = args.optionalWord();
    args.end();

    if (!names.includes(name)) throw refused("There is no such mechanism");
    const { services, connection } = session;
    return await enterAs(session, () =>
      asReplies(() =>
        authenticateBySasl(name, {
          auth: services.auth,
          protocol: "pop3",
          remoteAddress: connection.remoteAddress,
          channel: connection,
          initialResponse,
          ask: (challenge) => ask(session, challenge),
        }),
      ),
    );
  },
});

async function asReplies<Result>(exchange: () => Promise<Result>): Promise<Result> {
  try {
    return await exchange();
  } catch (error) {
    if (!(error instanceof SaslError)) throw error;
    throw error.code === "not-authorized" ? refused(error.message, "AUTH") : bad(error.message);
  }
}

/** One challenge, in base64 already, and the line that answers it (RFC 1734 §2). */
async function ask({ connection }: Session, challenge: string): Promise<string> {
  connection.write(`+ ${challenge}\r\n`);
  const line = await connection.readLine(limits.saslLineBytesMax);
  if (line === undefined) throw new ConnectionLost("The client went away inside AUTH");
  return line.toString("latin1");
}
