import { authenticateBySasl, SaslError } from "@posthouse/accounts";
import { bad } from "@posthouse/session";
import { ConnectionLost } from "@posthouse/wire";
import { enterAs, requirePrivacy } from "../authentication.ts";
import { mechanismNames } from "../capabilities.ts";
import { defineCommand, notAuthenticated, type Session } from "../command.ts";
import { CommandReader } from "../command-reader.ts";
import { limits } from "../limits.ts";
import { formatString, no, type ResponseCode } from "../response.ts";

/**
 * AUTHENTICATE: RFC 5804 §2.1. No mechanism here brings a security layer of its own, so the
 * capabilities do not come again behind the OK: §4, response-authenticate, forbids it.
 */
export const authenticate = defineCommand({
  name: "AUTHENTICATE",
  states: notAuthenticated,
  async run(_state, args, session) {
    args.sp();
    const name = (await args.text("the name of a mechanism", limits.saslBytesMax)).toUpperCase();
    const initialResponse = args.isAtEnd ? undefined : await readInitialResponse(args);
    args.end();

    requirePrivacy(session);
    requireMechanism(session, name);
    const { services, connection } = session;
    let code: ResponseCode | undefined;
    const result = await asFailures(() =>
      authenticateBySasl(name, {
        auth: services.auth,
        protocol: "managesieve",
        remoteAddress: connection.remoteAddress,
        channel: connection,
        initialResponse,
        ask: (challenge) => ask(session, challenge),
        withSuccess: (message) => {
          code = `SASL ${formatString(message)}`;
        },
      }),
    );
    return { text: "Logged in", code, state: enterAs(session, result) };
  },
});

async function readInitialResponse(args: CommandReader): Promise<string> {
  args.sp();
  return (await args.string("a response", limits.saslBytesMax)).toString("latin1");
}

function requireMechanism(session: Session, name: string): void {
  if (mechanismNames(session).includes(name)) return;
  if (/^SCRAM-SHA-1(-PLUS)?$/.test(name)) {
    throw no("SHA-1 is switched off here; SCRAM-SHA-256 is not", "AUTH-TOO-WEAK");
  }
  throw no("There is no such mechanism");
}

async function asFailures<Result>(exchange: () => Promise<Result>): Promise<Result> {
  try {
    return await exchange();
  } catch (error) {
    if (!(error instanceof SaslError)) throw error;
    throw error.code === "malformed" ? bad(error.message) : no(error.message);
  }
}

/** One challenge, in base64 already, and the string that answers it. */
async function ask({ connection }: Session, challenge: string): Promise<string> {
  connection.write(`${formatString(challenge)}\r\n`);
  const answer = await CommandReader.read(connection);
  if (answer === undefined) throw new ConnectionLost("The client went away inside AUTHENTICATE");
  try {
    const response = await answer.string("a response", limits.saslBytesMax);
    answer.end();
    return response.toString("latin1");
  } catch (error) {
    await answer.skip();
    throw error;
  }
}
