import type { AuthenticateResult } from "../auth-client.ts";
import { firstResponse, type SaslLogin } from "./sasl-dialogue.ts";
import { decodeUtf8 } from "./sasl-response.ts";

/** EXTERNAL, RFC 4422 appendix A: the certificate says who it is, and the response which of several. */
export async function external(login: SaslLogin): Promise<AuthenticateResult> {
  const username = decodeUtf8(await firstResponse(login));
  const { protocol, remoteAddress } = login;
  const addresses = login.channel.certifiedAddresses;
  return await login.auth.authenticateCertified({ addresses, username, protocol, remoteAddress });
}
