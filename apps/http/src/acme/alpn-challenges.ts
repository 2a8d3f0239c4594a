import { createHash } from "node:crypto";
import { createSecureContext, type SecureContext, type TLSSocket } from "node:tls";
import { makeSelfSignedCertificate } from "@posthouse/service";
import type { Challenge } from "./prover.ts";

/** RFC 8737 §6.2 */
const PROTOCOL = "acme-tls/1";
/** RFC 8737 §6.1: id-pe-acmeIdentifier. */
const ACME_IDENTIFIER = "1.3.6.1.5.5.7.1.31";
const DAY_MS = 86_400_000;

/** TLS-ALPN-01 (RFC 8737): certificates that are shown to the ACME server alone, while an order runs. */
export class AlpnChallenges {
  readonly #byName = new Map<string, SecureContext>();
  readonly #chosen = new WeakSet<TLSSocket>();

  add({ name, keyAuthorization }: Pick<Challenge, "name" | "keyAuthorization">): void {
    const digest = createHash("sha256").update(keyAuthorization).digest();
    const { certificate, key } = makeSelfSignedCertificate({
      names: [name],
      notBefore: new Date(Date.now() - DAY_MS),
      days: 7,
      // §3: an OCTET STRING of the digest.
      extension: { id: ACME_IDENTIFIER, value: Buffer.concat([Buffer.from([0x04, 32]), digest]) },
    });
    this.#byName.set(name, createSecureContext({ cert: certificate, key }));
  }

  clear(): void {
    this.#byName.clear();
  }

  /**
   * For a server's ALPNCallback: whoever speaks the protocol of ACME gets the certificate of the challenge,
   * and everybody else HTTP/1.1. Undefined: nothing that he speaks.
   */
  choose(
    socket: TLSSocket,
    { servername, protocols }: { readonly servername: string; readonly protocols: string[] },
  ): string | undefined {
    if (!protocols.includes(PROTOCOL)) {
      return protocols.includes("http/1.1") ? "http/1.1" : undefined;
    }
    const context = this.#byName.get(servername.toLowerCase());
    if (context === undefined) return undefined;
    socket.setKeyCert(context);
    this.#chosen.add(socket);
    return PROTOCOL;
  }

  /** Node asks for the certificate of a name after the protocol: what was chosen here stays. */
  hasChosen(socket: TLSSocket): boolean {
    return this.#chosen.has(socket);
  }

  /** The handshake is all that there is to see (§3): nothing is served there. */
  static isOver(socket: TLSSocket): boolean {
    return socket.alpnProtocol === PROTOCOL;
  }
}
