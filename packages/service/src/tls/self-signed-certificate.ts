import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  randomBytes,
  sign,
} from "node:crypto";
import {
  alternativeNames,
  bitString,
  der,
  ecdsaWithSha256,
  extension,
  integer,
  oid,
  pem,
  sequence,
  set,
  tagged,
  utf8String,
} from "./der.ts";

/**
 * A certificate that vouches for itself: encryption for the time until a real one is there, and for
 * trying. RFC 5280 in DER, ECDSA on P-256.
 */
export function makeSelfSignedCertificate(options: {
  /** The first is the common name; all stand in subjectAltName. Host names and IP addresses. */
  readonly names: readonly string[];
  readonly notBefore: Date;
  readonly days: number;
  /** On P-256, in PEM; a new one when absent. */
  readonly key?: string;
  /** Beside those of every server's certificate. */
  readonly extension?: { readonly id: string; readonly value: Uint8Array };
}): { readonly certificate: string; readonly key: string } {
  const privateKey =
    options.key === undefined
      ? generateKeyPairSync("ec", { namedCurve: "prime256v1" }).privateKey
      : createPrivateKey(options.key);
  const publicKey = createPublicKey(privateKey);
  const [commonName = "localhost"] = options.names;
  const subject = sequence(set(sequence(oid("2.5.4.3"), utf8String(commonName))));
  const notAfter = new Date(options.notBefore.getTime() + options.days * 86_400_000);
  const toBeSigned = sequence(
    tagged(0, integer(Buffer.from([2]))),
    integer(Buffer.concat([Buffer.from([0x01]), randomBytes(15)])),
    ecdsaWithSha256,
    subject,
    sequence(time(options.notBefore), time(notAfter)),
    subject,
    publicKey.export({ type: "spki", format: "der" }),
    tagged(3, extensions(options.names, options.extension)),
  );
  const signature = sign("sha256", toBeSigned, privateKey);
  const certificate = sequence(toBeSigned, ecdsaWithSha256, bitString(signature));
  return {
    certificate: pem("CERTIFICATE", certificate),
    key: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
  };
}

/** RFC 5280 §4.2.1: no authority, for servers only, and known by these names. */
const extensions = (
  names: readonly string[],
  more?: { readonly id: string; readonly value: Uint8Array },
): Buffer =>
  sequence(
    extension("2.5.29.19", sequence()),
    extension("2.5.29.15", der(0x03, Buffer.from([7, 0x80]))),
    extension("2.5.29.37", sequence(oid("1.3.6.1.5.5.7.3.1"))),
    alternativeNames(names),
    // Critical: whoever does not know it refuses the certificate.
    ...(more === undefined
      ? []
      : [sequence(oid(more.id), der(0x01, Buffer.from([0xff])), der(0x04, more.value))]),
  );

/** UTCTime as RFC 5280 §4.1.2.5 asks until 2049, GeneralizedTime after. */
function time(date: Date): Buffer {
  const digits = date.toISOString().replaceAll(/[-:T]|\.\d+/g, "");
  return date.getUTCFullYear() < 2050
    ? der(0x17, Buffer.from(digits.slice(2), "ascii"))
    : der(0x18, Buffer.from(digits, "ascii"));
}
