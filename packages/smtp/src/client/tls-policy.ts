import { isIP } from "node:net";
import type { ConnectionOptions, TLSSocket } from "node:tls";

/**
 * What this hop asks of TLS. DANE and MTA-STS are `required` with a `verify` of their own.
 *
 *   off            never STARTTLS: the unix socket, or a second try in the clear
 *   opportunistic  STARTTLS when offered, any certificate will do (RFC 7435 §3)
 *   required       no TLS, no mail
 *   implicit       TLS from the first octet (RFC 8314 §3.3)
 */
export interface TlsPolicy {
  readonly mode: "off" | "opportunistic" | "required" | "implicit";
  /** For tls.connect(): servername, ca, minVersion. `rejectUnauthorized` is true unless opportunistic. */
  readonly options?: ConnectionOptions;
  /**
   * Looks at the peer after the handshake and before anything is said to it. A sentence refuses it.
   * Set `options.rejectUnauthorized` to false when this decides alone, as DANE-EE does (RFC 7672 §3.1.1).
   */
  readonly verify?: (peer: TLSSocket) => string | undefined | Promise<string | undefined>;
}

/** What is known of an encrypted session, for logs, Received and reports. */
export interface TlsFacts {
  readonly version: string;
  readonly cipher: string;
  /** The certificate chain leads to a trusted root and names the host. */
  readonly isAuthorized: boolean;
}

export function tlsOptionsFor(policy: TlsPolicy, host: string | undefined): ConnectionOptions {
  // RFC 6066 §3: an address literal is no server name.
  const servername = host !== undefined && isIP(host) === 0 ? { servername: host } : {};
  return {
    ...(host === undefined ? {} : { host }),
    ...servername,
    rejectUnauthorized: policy.mode !== "opportunistic",
    ...policy.options,
  };
}

export function tlsFactsOf(socket: TLSSocket): TlsFacts {
  return {
    version: socket.getProtocol() ?? "unknown",
    cipher: socket.getCipher().name,
    isAuthorized: socket.authorized,
  };
}
