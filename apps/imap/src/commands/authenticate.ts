import { decodePlain, LoginExchange, SaslError } from "@posthouse/accounts";
import { ConnectionLost } from "@posthouse/wire";
import { type Credentials, logIn, requirePrivacy } from "../authentication.ts";
import { defineCommand, type Session } from "../command.ts";
import { limits } from "../limits.ts";
import { bad, CommandFailure, no } from "../response.ts";

type Mechanism = (session: Session, initialResponse?: string) => Promise<Credentials>;

/** Every SASL mechanism; CAPABILITY names them. */
const mechanisms: ReadonlyMap<string, Mechanism> = new Map<string, Mechanism>([
  ["PLAIN", plain],
  ["LOGIN", saslLogin],
]);

/** AUTHENTICATE: RFC 3501 §6.2.2, with the initial response of RFC 4959. */
export const authenticate = defineCommand({
  name: "AUTHENTICATE",
  states: ["not-authenticated"],
  expunges: "hold",
  async run(_state, args, session) {
    args.sp();
    const name = args.keyword();
    const initialResponse = args.isAtEnd ? undefined : readInitialResponse(args);
    args.end();

    const mechanism = mechanisms.get(name);
    if (mechanism === undefined) throw no("CANNOT", `There is no mechanism ${name.slice(0, 40)}`);
    requirePrivacy(session);
    const credentials = await exchange(() => mechanism(session, initialResponse));
    return await logIn(session, credentials);
  },
});

/** base64, or "=" for an empty one: neither is always an atom, both are octets of an astring. */
function readInitialResponse(args: { sp(): void; astring(): string }): string {
  args.sp();
  return args.astring();
}

async function exchange(mechanism: () => Promise<Credentials>): Promise<Credentials> {
  try {
    return await mechanism();
  } catch (error) {
    if (!(error instanceof SaslError)) throw error;
    if (error.code === "not-authorized") throw no("AUTHENTICATIONFAILED", error.message);
    // RFC 3501 §6.2.2: BAD also for an exchange that the client gave up, which is no mistake.
    if (error.code === "cancelled") throw new CommandFailure("BAD", undefined, error.message);
    throw bad(error.message);
  }
}

async function plain(session: Session, initialResponse?: string): Promise<Credentials> {
  return decodePlain(initialResponse ?? (await ask(session, "")));
}

async function saslLogin(session: Session, initialResponse?: string): Promise<Credentials> {
  const dialogue = new LoginExchange();
  let step = dialogue.start(initialResponse);
  while (step.kind === "challenge") {
    step = dialogue.respond(await ask(session, step.challenge));
  }
  return step;
}

/** One challenge, in base64 already, and the line that answers it. */
async function ask({ connection, output }: Session, challenge: string): Promise<string> {
  output.continuation(challenge);
  const line = await connection.readLine(limits.saslLineBytesMax);
  if (line === undefined) throw new ConnectionLost("The client went away inside AUTHENTICATE");
  return line.toString("latin1");
}
