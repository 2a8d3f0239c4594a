import { createHash, X509Certificate } from "node:crypto";
import type { TLSSocket } from "node:tls";
import type { TlsaRecord } from "@posthouse/dns";

/**
 * DANE for SMTP, RFC 7672: whether the certificates of a server are those that its zone names.
 *
 *   usage 3, DANE-EE   the server's own certificate or key; names and dates do not count (§3.1.1)
 *   usage 2, DANE-TA   an authority of its chain; the chain has to hold, with a name of ours (§3.1.2)
 *   usages 0 and 1     name public authorities; unusable in SMTP (§3.1.3)
 */
export const isUsable = ({ usage, selector, matchingType, certificate }: TlsaRecord): boolean =>
  (usage === 2 || usage === 3) &&
  selector <= 1 &&
  matchingType <= 2 &&
  certificate.length === (digestBytes[matchingType] ?? certificate.length);

const digestBytes: Readonly<Record<number, number>> = { 1: 32, 2: 64 };

/** Undefined when one of the records fits, else why none does. */
export function daneRefusal(
  peer: Pick<TLSSocket, "getPeerX509Certificate">,
  records: readonly TlsaRecord[],
  names: readonly string[],
): string | undefined {
  const chain = chainOf(peer.getPeerX509Certificate());
  const [leaf] = chain;
  if (leaf === undefined) return "the server showed no certificate";
  const usable = records.filter(isUsable);
  if (usable.some((record) => record.usage === 3 && fits(record, leaf))) return undefined;
  const authorities = usable.filter(({ usage }) => usage === 2);
  if (authorities.length > 0) {
    const refusal = authorityRefusal(chain, authorities, names);
    if (refusal === undefined) return undefined;
    return refusal;
  }
  return "no TLSA record of its zone fits its certificate";
}

function authorityRefusal(
  chain: readonly X509Certificate[],
  records: readonly TlsaRecord[],
  names: readonly string[],
): string | undefined {
  const [leaf] = chain;
  if (leaf === undefined) return "the server showed no certificate";
  // "2 0 0" holds the authority itself, which the server then need not send.
  const given = records.flatMap((record) => certificateIn(record) ?? []);
  const anchors = [...chain, ...given].filter((one) => records.some((record) => fits(record, one)));
  if (anchors.length === 0) return "no TLSA record of its zone fits its chain of certificates";
  if (!anchors.some((anchor) => leadsTo(chain, anchor))) {
    return "its certificates do not lead to the authority that its zone names";
  }
  if (names.some((name) => leaf.checkHost(name) !== undefined)) return undefined;
  return `its certificate does not name ${names.join(" or ")}`;
}

/** From the leaf up, each signed by the next and in its time, to the anchor. */
function leadsTo(chain: readonly X509Certificate[], anchor: X509Certificate): boolean {
  for (const [n, certificate] of chain.entries()) {
    if (!isInTime(certificate)) return false;
    if (certificate.raw.equals(anchor.raw)) return true;
    if (n > 0 && !certificate.ca) return false;
    if (isSignedBy(certificate, anchor)) return isInTime(anchor);
    const issuer = chain[n + 1];
    if (issuer === undefined || !isSignedBy(certificate, issuer)) return false;
  }
  return false;
}

function isSignedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
  return issuer.ca && certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
}

function isInTime({ validFrom, validTo }: X509Certificate): boolean {
  const nowMs = Date.now();
  return Date.parse(validFrom) <= nowMs && nowMs <= Date.parse(validTo);
}

function fits(
  { selector, matchingType, certificate }: TlsaRecord,
  shown: X509Certificate,
): boolean {
  const octets =
    selector === 0 ? shown.raw : shown.publicKey.export({ format: "der", type: "spki" });
  if (matchingType === 0) return octets.equals(certificate);
  const algorithm = matchingType === 1 ? "sha256" : "sha512";
  return createHash(algorithm).update(octets).digest().equals(certificate);
}

function certificateIn({ selector, matchingType, certificate }: TlsaRecord) {
  if (selector !== 0 || matchingType !== 0) return undefined;
  try {
    return new X509Certificate(certificate);
  } catch {
    return undefined;
  }
}

const CHAIN_MAX = 10;

/** As the server sent it, the leaf first. */
function chainOf(leaf: X509Certificate | undefined): X509Certificate[] {
  const chain: X509Certificate[] = [];
  for (let at = leaf; at !== undefined && chain.length < CHAIN_MAX; at = at.issuerCertificate) {
    if (chain.some((one) => one.raw.equals(at?.raw ?? Buffer.alloc(0)))) break;
    chain.push(at);
  }
  return chain;
}
