import { authenticateBySasl, SaslError } from "@posthouse/accounts";
import { ConnectionLost } from "@posthouse/wire";
import { enterAs, requirePrivacy } from "../authentication.ts";
import { defineCommand, type Session } from "../command.ts";
import { limits } from "../limits.ts";
import { bad, CommandFailure, no } from "../response.ts";

/** AUTHENTICATE: RFC 3501 §6.2.2, with the initial response of RFC 4959. */
export const authenticate = defineCommand({
  name: "AUTHENTICATE",
  states: ["not-authenticated"],
  expunges: "hold",
  waitsForClient: true,
  async run(_state, args, session) {
    args.sp();
    const name = args.keyword();
    const initialResponse = args.isAtEnd ? undefined : readInitialResponse(args);
    args.end();

    requirePrivacy(session);
    const isOff = session.switchedOff.has(`AUTH=${name}`);
    if (isOff || !session.mechanisms.includes(name)) {
      throw no("CANNOT", `There is no mechanism ${name.slice(0, 40)}`);
    }
    const { services, connection } = session;
    return await enterAs(session, () =>
      asFailures(() =>
        authenticateBySasl(name, {
          auth: services.auth,
          protocol: "imap",
          remoteAddress: connection.remoteAddress,
          channel: connection,
          initialResponse,
          ask: (challenge) => ask(session, challenge),
        }),
      ),
    );
  },
});

/** base64, or "=" for an empty one: neither is always an atom, both are octets of an astring. */
function readInitialResponse(args: { sp(): void; astring(): string }): string {
  args.sp();
  return args.astring();
}

async function asFailures<Result>(exchange: () => Promise<Result>): Promise<Result> {
  try {
    return await exchange();
  } catch (error) {
    if (!(error instanceof SaslError)) throw error;
    if (error.code === "not-authorized") throw no("AUTHENTICATIONFAILED", error.message);
    // RFC 3501 §6.2.2: BAD also for an exchange that the client gave up, which is no mistake.
    if (error.code === "cancelled") throw new CommandFailure("BAD", undefined, error.message);
    throw bad(error.message);
  }
}

/** One challenge, in base64 already, and the line that answers it. */
async function ask({ connection, output }: Session, challenge: string): Promise<string> {
  output.continuation(challenge);
  const line = await connection.readLine(limits.saslLineBytesMax);
  if (line === undefined) throw new ConnectionLost("The client went away inside AUTHENTICATE");
  return line.toString("latin1");
}
