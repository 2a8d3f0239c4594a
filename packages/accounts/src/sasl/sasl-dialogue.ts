import type { AuthClient, LoginProtocol } from "../auth-client.ts";
import { decodeSaslResponse } from "./sasl-response.ts";

/** What the connection below can do for a login. */
export interface SaslChannel {
  /** RFC 5802 §6; undefined where there is no TLS, or not this binding of it. */
  channelBinding(type: "tls-exporter" | "tls-server-end-point"): Buffer | undefined;
  /** rfc822Names of a verified client certificate; none on listeners that ask for none. */
  readonly certifiedAddresses: readonly string[];
}

/** One login, as a mechanism sees it. */
export interface SaslLogin {
  readonly auth: AuthClient;
  readonly protocol: LoginProtocol;
  readonly remoteAddress: string;
  readonly channel: SaslChannel;
  /** base64 as it came with the command; undefined when none came. */
  readonly initialResponse: string | undefined;
  /** Sends a challenge, in base64 already, and waits for the line that answers it. */
  ask(challenge: string): Promise<string>;
  /**
   * Takes the server's last message, in base64, where the protocol sends one along with its success
   * (RFC 5804 §2.1). It is a challenge where this is left out.
   */
  readonly withSuccess?: (message: string) => void;
  /** Another source of nonces, for the examples of the RFCs. */
  readonly newNonce?: () => string;
}

/** The first message of a mechanism in which the client begins: it came along, or is asked for. */
export async function firstResponse(login: SaslLogin): Promise<Buffer> {
  return decodeSaslResponse(login.initialResponse ?? (await login.ask("")));
}

export function canBind(channel: SaslChannel): boolean {
  return (
    channel.channelBinding("tls-server-end-point") !== undefined ||
    channel.channelBinding("tls-exporter") !== undefined
  );
}
