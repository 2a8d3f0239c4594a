import { randomBytes } from "node:crypto";
import type { AuthenticateResult } from "../auth-client.ts";
import type { ScramHash } from "./login-requests.ts";
import { canBind, firstResponse, type SaslChannel, type SaslLogin } from "./sasl-dialogue.ts";
import { SaslError } from "./sasl-error.ts";
import { decodeSaslResponse, decodeUtf8 } from "./sasl-response.ts";

/** 144 bits, 24 characters without a comma. */
const NONCE_BYTES = 18;
/** A client's nonce comes back to it in our message. */
const NONCE_CHARS_MAX = 512;

/**
 * SCRAM, RFC 5802 §5, the server's side:
 *
 *   client-first   n,,n=ann,r=NONCE
 *   server-first   r=NONCE…,s=SALT,i=ROUNDS       salt and rounds are auth's answer
 *   client-final   c=BINDING,r=NONCE…,p=PROOF     auth checks the proof
 *   server-final   v=SIGNATURE                    and signs
 *
 * The messages are read and nonces made here; keys stay in apps/auth. With -PLUS the client says which
 * TLS connection it sees: whoever sits in the middle of two has another.
 */
export async function scram(
  login: SaslLogin,
  mechanism: { readonly hash: ScramHash; readonly isPlus: boolean },
): Promise<AuthenticateResult> {
  const first = readClientFirst(decodeUtf8(await firstResponse(login)));
  const binding = expectedBinding(first, mechanism, login.channel);
  const { protocol, remoteAddress } = login;
  const who = { username: first.username, hash: mechanism.hash, protocol, remoteAddress };
  const challenge = await login.auth.scramChallenge(who);
  if (challenge.kind === "banned") return challenge;

  const nonce = first.nonce + (login.newNonce ?? newNonce)();
  const serverFirst = `r=${nonce},s=${challenge.salt},i=${challenge.iterations}`;
  const final = readClientFinal(await ask(login, serverFirst));
  if (final.nonce !== nonce) throw new SaslError("not-authorized", "The nonce is not ours");
  if (!final.binding.equals(Buffer.concat([Buffer.from(first.gs2Header), binding]))) {
    throw new SaslError("not-authorized", "The channel binding does not match");
  }
  const authMessage = `${first.bare},${serverFirst},${final.withoutProof}`;
  const result = await login.auth.authenticateScram({ ...who, authMessage, proof: final.proof });
  if (result.kind !== "ok") return result;
  await sayLast(login, `v=${result.serverSignature}`);
  const { serverSignature: _, ...ok } = result;
  return ok;
}

interface ClientFirst {
  /** As it was sent: it comes again in client-final. */
  readonly gs2Header: string;
  /** `n`, `y`, or the name of a binding. */
  readonly binding: string;
  readonly bare: string;
  readonly username: string;
  readonly nonce: string;
}

/** client-first-message, RFC 5802 §7. */
function readClientFirst(message: string): ClientFirst {
  const found =
    /^((n|y|p=[A-Za-z0-9.-]+),(?:a=([^,]+))?,)(n=([^,]+),r=([!-+\--~]+)(?:,.*)?)$/s.exec(message);
  if (found === null) throw new SaslError("malformed", "That is no first message of SCRAM");
  const [, gs2Header = "", flag = "", authorizationId, bare = "", name = "", nonce = ""] = found;
  if (nonce.length > NONCE_CHARS_MAX) throw new SaslError("malformed", "The nonce is too long");
  const username = decodeName(name);
  // As in PLAIN: nobody may act for others here.
  if (
    authorizationId !== undefined &&
    decodeName(authorizationId).toLowerCase() !== username.toLowerCase()
  ) {
    throw new SaslError("not-authorized", "The authorization identity is not the login");
  }
  return { gs2Header, binding: flag.replace(/^p=/, ""), bare, username, nonce };
}

interface ClientFinal {
  readonly binding: Buffer;
  readonly nonce: string;
  readonly withoutProof: string;
  readonly proof: string;
}

/** client-final-message, RFC 5802 §7. */
function readClientFinal(message: string): ClientFinal {
  const found =
    /^(c=([A-Za-z0-9+/]+={0,2}),r=([!-+\--~]+)(?:,.*)?),p=([A-Za-z0-9+/]+={0,2})$/s.exec(message);
  if (found === null) throw new SaslError("malformed", "That is no final message of SCRAM");
  const [, withoutProof = "", binding = "", nonce = "", proof = ""] = found;
  return { binding: decodeSaslResponse(binding), nonce, withoutProof, proof };
}

/** saslname, RFC 5802 §5.1: a comma is =2C and an equals sign =3D, and there is no other escape. */
function decodeName(name: string): string {
  if (/=(?!2C|3D)/.test(name) || name.includes("\0")) {
    throw new SaslError("malformed", "The user name is wrongly escaped");
  }
  return name.replaceAll("=2C", ",").replaceAll("=3D", "=");
}

/**
 * What the client has to see of our TLS connection. RFC 5802 §6: a client that could bind and believes
 * that we cannot was told so by somebody between us.
 */
function expectedBinding(
  { binding }: ClientFirst,
  { isPlus }: { readonly isPlus: boolean },
  channel: SaslChannel,
): Buffer {
  if (binding === "y" && canBind(channel)) {
    throw new SaslError("not-authorized", "This server does bind channels: who says otherwise?");
  }
  if (binding === "n" || binding === "y") {
    if (!isPlus) return Buffer.alloc(0);
    throw new SaslError("malformed", "A mechanism with -PLUS needs a channel binding");
  }
  if (!isPlus) throw new SaslError("malformed", "A channel binding needs a mechanism with -PLUS");
  const isKnown = binding === "tls-exporter" || binding === "tls-server-end-point";
  const octets = isKnown ? channel.channelBinding(binding) : undefined;
  if (octets !== undefined) return octets;
  throw new SaslError("not-authorized", "That channel binding is not there on this connection");
}

/** RFC 4422 §5, 4: where it cannot go along with the success, it is a challenge with an empty answer. */
async function sayLast(login: SaslLogin, message: string): Promise<void> {
  if (login.withSuccess !== undefined) {
    login.withSuccess(Buffer.from(message).toString("base64"));
    return;
  }
  const end = await ask(login, message);
  if (end !== "") throw new SaslError("malformed", "The exchange was at its end");
}

async function ask(login: SaslLogin, message: string): Promise<string> {
  const line = await login.ask(Buffer.from(message).toString("base64"));
  return decodeUtf8(decodeSaslResponse(line));
}

function newNonce(): string {
  return randomBytes(NONCE_BYTES).toString("base64");
}
