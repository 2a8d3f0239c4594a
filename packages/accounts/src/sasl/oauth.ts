import type { AuthenticateResult } from "../auth-client.ts";
import { firstResponse, type SaslLogin } from "./sasl-dialogue.ts";
import { SaslError } from "./sasl-error.ts";
import { decodeSaslResponse, decodeUtf8 } from "./sasl-response.ts";

/** OAUTHBEARER, RFC 7628 §3.1: a GS2 header, then fields between octets of value 1. */
export async function oauthBearer(login: SaslLogin): Promise<AuthenticateResult> {
  const message = decodeUtf8(await firstResponse(login));
  // No channel binding is defined for it (§5): "y" says as little as "n".
  const [header = "", ...fields] = fieldsOf(message, "OAUTHBEARER");
  const found = /^[ny],(?:a=([^,]*))?,$/.exec(header);
  if (found === null) throw malformed("OAUTHBEARER");
  const username = (found[1] ?? "").replaceAll("=2C", ",").replaceAll("=3D", "=");
  return await withToken(login, username, tokenOf(fields, "OAUTHBEARER"));
}

/** XOAUTH2, which Google defined before there was a standard: `user=` is one of the fields. */
export async function xoauth2(login: SaslLogin): Promise<AuthenticateResult> {
  const message = decodeUtf8(await firstResponse(login));
  const [user = "", ...fields] = fieldsOf(message, "XOAUTH2");
  if (!user.startsWith("user=")) throw malformed("XOAUTH2");
  return await withToken(login, user.slice("user=".length), tokenOf(fields, "XOAUTH2"));
}

/** Each field ends with an octet of value 1, and so does the whole. */
function fieldsOf(message: string, mechanism: string): string[] {
  if (!message.endsWith("\x01\x01")) throw malformed(mechanism);
  return message.slice(0, -2).split("\x01");
}

/** RFC 6750 §2.1: the scheme in any case, one space, and the token. */
function tokenOf(fields: readonly string[], mechanism: string): string {
  for (const field of fields) {
    const [, token] = /^auth=bearer ([A-Za-z0-9._~+/-]+=*)$/i.exec(field) ?? [];
    if (token !== undefined) return token;
  }
  throw malformed(mechanism);
}

async function withToken(
  login: SaslLogin,
  username: string,
  token: string,
): Promise<AuthenticateResult> {
  const { protocol, remoteAddress } = login;
  const result = await login.auth.authenticateToken({ username, token, protocol, remoteAddress });
  if (result.kind !== "refused") return result;
  // RFC 7628 §3.2.2 and §3.2.3: the client is told why, and answers before it is refused.
  const why = JSON.stringify({ status: "invalid_token" });
  decodeSaslResponse(await login.ask(Buffer.from(why).toString("base64")));
  return result;
}

const malformed = (mechanism: string): SaslError =>
  new SaslError("malformed", `That is no message of ${mechanism}`);
