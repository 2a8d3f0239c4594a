import { createHash, type X509Certificate } from "node:crypto";
import type { TLSSocket } from "node:tls";

/** The channel bindings that a server can give (RFC 5056); the client says which it means. */
export type ChannelBindingType = "tls-exporter" | "tls-server-end-point";

/** Octets that both ends of a TLS connection know and nobody between them can make his own. */
export function channelBindingOf(socket: TLSSocket, type: ChannelBindingType): Buffer | undefined {
  return type === "tls-exporter" ? exporterOf(socket) : serverEndPointOf(socket);
}

/**
 * RFC 9266 §2: 32 octets, without a context. Only in TLS 1.3: before it the value is unique only with the extended
 * master secret, and OpenSSL does not say whether that was agreed on.
 */
function exporterOf(socket: TLSSocket): Buffer | undefined {
  if (socket.getProtocol() !== "TLSv1.3") return undefined;
  return socket.exportKeyingMaterial(32, "EXPORTER-Channel-Binding", Buffer.alloc(0));
}

/** RFC 5929 §4.1: the certificate's hash, by the hash of its signature. */
function serverEndPointOf(socket: TLSSocket): Buffer | undefined {
  const certificate = socket.getX509Certificate();
  if (certificate === undefined) return undefined;
  const hash = hashOfSignature(certificate);
  return hash === undefined ? undefined : createHash(hash).update(certificate.raw).digest();
}

/** MD5 and SHA-1 are replaced by SHA-256; a signature without a hash of its own (Ed25519) has no binding. */
function hashOfSignature({ signatureAlgorithm = "" }: X509Certificate): string | undefined {
  const [, bits] = /(?:sha|SHA)-?(1|224|256|384|512)\b/.exec(signatureAlgorithm) ?? [];
  if (bits === "1" || /md5/i.test(signatureAlgorithm)) return "sha256";
  return bits && `sha${bits}`;
}

/**
 * The mail addresses in a client's certificate: rfc822Name of its subject alternative names (RFC 5280
 * §4.2.1.6). None when there is no certificate, or nobody whom we trust has signed it.
 */
export function certifiedAddressesOf(socket: TLSSocket): readonly string[] {
  const certificate = socket.getPeerX509Certificate();
  if (certificate === undefined || !isTrusted(socket)) return [];
  return mailNames(certificate.subjectAltName ?? "").filter(
    (address) => certificate.checkEmail(address, { subject: "never" }) !== undefined,
  );
}

/** Node sets `authorized` on sockets of its own tls.Server only; OpenSSL's verdict is there for all. */
function isTrusted(socket: TLSSocket): boolean {
  const { _handle: handle } = socket as unknown as {
    readonly _handle: { verifyError?(): Error | null | undefined } | null;
  };
  // Whoever has no verdict is not trusted.
  return typeof handle?.verifyError === "function" && (handle.verifyError() ?? null) === null;
}

/**
 * OpenSSL's names as Node lists them: `DNS:a, email:b`, and a name with a comma or a quote as JSON. Read
 * from the start, so that no name can pretend to be two; a list that is not understood has no names.
 */
export function mailNames(list: string): string[] {
  const names: string[] = [];
  const entry = /([^:,"]+):(?:("(?:[^"\\]|\\.)*")|([^,"]*))(?:, |$)/y;
  while (entry.lastIndex < list.length) {
    const found = entry.exec(list);
    if (found === null) return [];
    const [, kind, quoted, plain = ""] = found;
    if (kind === "email" && quoted === undefined && plain !== "") names.push(plain);
  }
  return names;
}
