import type { AuthenticateResult } from "../auth-client.ts";
import { external } from "./external.ts";
import { LoginExchange } from "./login.ts";
import { oauthBearer, xoauth2 } from "./oauth.ts";
import { decodePlain } from "./plain.ts";
import { canBind, firstResponse, type SaslChannel, type SaslLogin } from "./sasl-dialogue.ts";
import { scram } from "./scram.ts";

/** What is configured of the mechanisms that not every host has. */
export interface SaslOffers {
  /** Offered for app passwords, which alone have SHA-1 keys: `auth.scram_sha1`. */
  readonly hasScramSha1?: boolean;
  /** Somebody can say whose a token is. */
  readonly takesTokens?: boolean;
}

type Mechanism = (login: SaslLogin) => Promise<AuthenticateResult>;

/** Every mechanism, the ones that tell an attacker least first. */
const mechanisms: ReadonlyMap<string, Mechanism> = new Map<string, Mechanism>([
  ["SCRAM-SHA-256-PLUS", (login) => scram(login, { hash: "sha256", isPlus: true })],
  ["SCRAM-SHA-256", (login) => scram(login, { hash: "sha256", isPlus: false })],
  ["SCRAM-SHA-1-PLUS", (login) => scram(login, { hash: "sha1", isPlus: true })],
  ["SCRAM-SHA-1", (login) => scram(login, { hash: "sha1", isPlus: false })],
  ["EXTERNAL", external],
  ["OAUTHBEARER", oauthBearer],
  ["XOAUTH2", xoauth2],
  ["PLAIN", plain],
  ["LOGIN", saslLogin],
]);

/** The mechanisms that can work on this connection: what is announced, and nothing else is taken. */
export function saslMechanisms(channel: SaslChannel, offers: SaslOffers = {}): string[] {
  return [...mechanisms.keys()].filter((name) => {
    if (name.startsWith("SCRAM-SHA-1") && offers.hasScramSha1 !== true) return false;
    if (name.endsWith("-PLUS")) return canBind(channel);
    if (name === "EXTERNAL") return channel.certifiedAddresses.length > 0;
    return !name.includes("OAUTH") || offers.takesTokens === true;
  });
}

/**
 * Leads one SASL exchange (RFC 4422 §3) to its end. The name is one of saslMechanisms(), in capitals.
 *
 * @throws SaslError, AuthUnavailable, and whatever ask() throws
 */
export async function authenticateBySasl(
  name: string,
  login: SaslLogin,
): Promise<AuthenticateResult> {
  const mechanism = mechanisms.get(name);
  if (mechanism === undefined) throw new Error(`There is no mechanism ${name}`);
  return await mechanism(login);
}

async function plain(login: SaslLogin): Promise<AuthenticateResult> {
  const { username, password } = decodePlain(await firstResponse(login));
  const { protocol, remoteAddress } = login;
  return await login.auth.authenticate({ username, password, protocol, remoteAddress });
}

async function saslLogin(login: SaslLogin): Promise<AuthenticateResult> {
  const dialogue = new LoginExchange();
  let step = dialogue.start(login.initialResponse);
  while (step.kind === "challenge") step = dialogue.respond(await login.ask(step.challenge));
  const { username, password } = step;
  const { protocol, remoteAddress } = login;
  return await login.auth.authenticate({ username, password, protocol, remoteAddress });
}
