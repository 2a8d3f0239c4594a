import { decodePlain, LoginExchange, SaslError } from "@posthouse/accounts";
import { ConnectionLost } from "@posthouse/wire";
import { type Credentials, logIn, requirePrivacy } from "../authentication.ts";
import { authorization, defineCommand, type Session } from "../command.ts";
import { limits } from "../limits.ts";
import { bad, refused } from "../reply.ts";
import { textLines } from "../text-lines.ts";

type Mechanism = (session: Session, initialResponse?: string) => Promise<Credentials>;

const mechanisms: ReadonlyMap<string, Mechanism> = new Map<string, Mechanism>([
  ["PLAIN", plain],
  ["LOGIN", saslLogin],
]);

/** As CAPA tells them (RFC 2449 §6.3). */
export const mechanismNames: readonly string[] = [...mechanisms.keys()];

/** AUTH: RFC 1734, with the initial response of RFC 5034 §4. */
export const auth = defineCommand({
  name: "AUTH",
  states: authorization,
  async run(_state, args, session) {
    requirePrivacy(session);
    const name = args.optionalWord();
    // No RFC has AUTH without a mechanism, but Outlook asks so which there are.
    if (name === undefined) return { text: "Mechanisms follow", body: textLines(mechanismNames) };
    const initialResponse = args.optionalWord();
    args.end();

    const mechanism = mechanisms.get(name.toUpperCase());
    if (mechanism === undefined) throw refused("There is no such mechanism");
    return await logIn(session, await exchange(() => mechanism(session, initialResponse)));
  },
});

async function exchange(mechanism: () => Promise<Credentials>): Promise<Credentials> {
  try {
    return await mechanism();
  } catch (error) {
    if (!(error instanceof SaslError)) throw error;
    throw error.code === "not-authorized" ? refused(error.message, "AUTH") : bad(error.message);
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

/** One challenge, in base64 already, and the line that answers it (RFC 1734 §2). */
async function ask({ connection }: Session, challenge: string): Promise<string> {
  connection.write(`+ ${challenge}\r\n`);
  const line = await connection.readLine(limits.saslLineBytesMax);
  if (line === undefined) throw new ConnectionLost("The client went away inside AUTH");
  return line.toString("latin1");
}
