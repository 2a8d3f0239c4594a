import { createHash, createPrivateKey, createSign, X509Certificate } from "node:crypto";
import { der, ecdsaWithSha256, integer, oid, sequence, set, tagged } from "./der.ts";

const idData = oid("1.2.840.113549.1.7.1");
const idSignedData = oid("1.2.840.113549.1.7.2");
const contentType = oid("1.2.840.113549.1.9.3");
const messageDigest = oid("1.2.840.113549.1.9.4");
const signingTime = oid("1.2.840.113549.1.9.5");
const nothing = der(0x05, Buffer.alloc(0));
const sha256 = sequence(oid("2.16.840.1.101.3.4.2.1"));
/** RFC 3370 §3.2. */
const rsa = sequence(oid("1.2.840.113549.1.1.1"), nothing);

const algorithms: ReadonlyMap<string | undefined, Buffer> = new Map([
  ["rsa", rsa],
  ["ec", ecdsaWithSha256],
]);

export interface SigningIdentity {
  /** PEM: the signer's certificate, and those that lead to its authority. */
  readonly certificate: string;
  /** PEM. */
  readonly key: string;
}

/**
 * Octets with a signature around them, DER: signed-data of CMS (RFC 5652 §5), one signer, SHA-256, and the chain of
 * certificates. Undefined for keys other than RSA and those on elliptic curves.
 */
export function cmsSignedData(
  content: Uint8Array,
  { certificate, key }: SigningIdentity,
  at = new Date(),
): Buffer | undefined {
  const chain = (
    certificate.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []
  ).map((pem) => new X509Certificate(pem).raw);
  const [own] = chain;
  const privateKey = createPrivateKey(key);
  const algorithm = algorithms.get(privateKey.asymmetricKeyType);
  if (own === undefined || algorithm === undefined) return undefined;
  const attributes = setOf(
    sequence(contentType, set(idData)),
    sequence(messageDigest, set(octetString(createHash("sha256").update(content).digest()))),
    sequence(signingTime, set(time(at))),
  );
  // RFC 5652 §5.4: what is signed is a SET, whatever tag it has inside.
  const signature = createSign("sha256").update(der(0x31, attributes)).sign(privateKey);
  const signer = sequence(
    integer(Buffer.from([1])),
    issuerAndSerialNumber(own),
    sha256,
    tagged(0, attributes),
    algorithm,
    octetString(signature),
  );
  const signedData = sequence(
    integer(Buffer.from([1])),
    set(sha256),
    sequence(idData, tagged(0, octetString(content))),
    tagged(0, Buffer.concat(chain)),
    set(signer),
  );
  return sequence(idSignedData, tagged(0, signedData));
}

const octetString = (octets: Uint8Array) => der(0x04, octets);

/** X.690 §11.6: the items of a SET OF ascend. */
const setOf = (...items: Buffer[]) => Buffer.concat(items.toSorted((a, b) => Buffer.compare(a, b)));

/** RFC 5652 §11.3: UTCTime until 2049. */
function time(at: Date): Buffer {
  const text = at.toISOString().replaceAll(/[-:T]|\.\d+/g, "");
  return at.getUTCFullYear() < 2050
    ? der(0x17, Buffer.from(text.slice(2), "ascii"))
    : der(0x18, Buffer.from(text, "ascii"));
}

/** Of a certificate: SEQUENCE { SEQUENCE { [0] version, serialNumber, signature, issuer, … (RFC 5280 §4.1). */
function issuerAndSerialNumber(certificate: Buffer): Buffer {
  const [toBeSigned] = itemsOf(contentOf(certificate));
  const items = itemsOf(contentOf(toBeSigned ?? Buffer.alloc(2)));
  const [serialNumber, , issuer] = items[0]?.[0] === 0xa0 ? items.slice(1) : items;
  if (serialNumber === undefined || issuer === undefined) throw new Error("That is no certificate");
  return sequence(issuer, serialNumber);
}

function itemsOf(octets: Buffer): readonly Buffer[] {
  const items: Buffer[] = [];
  for (let at = 0; at < octets.length; ) {
    const end = at + lengthsOf(octets, at).whole;
    items.push(octets.subarray(at, end));
    at = end;
  }
  return items;
}

const contentOf = (item: Buffer): Buffer => item.subarray(lengthsOf(item, 0).header);

/** Of DER that OpenSSL has read already. */
function lengthsOf(octets: Buffer, at: number) {
  const first = octets[at + 1] ?? 0;
  const more = first < 0x80 ? 0 : first & 0x7f;
  const length = more === 0 ? first : octets.readUIntBE(at + 2, more);
  const header = 2 + more;
  return { header, whole: header + length };
}
