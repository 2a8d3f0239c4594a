import { createPrivateKey, createPublicKey, sign } from "node:crypto";
import {
  alternativeNames,
  bitString,
  ecdsaWithSha256,
  integer,
  oid,
  pem,
  sequence,
  set,
  tagged,
} from "./der.ts";

/**
 * A request for a certificate, in PEM: RFC 2986 §4, with the names in the extensions that are asked for
 * (RFC 2985 §5.4.2) and no subject, which ACME servers ignore (RFC 8555 §7.4).
 *
 * @param key of the certificate, on P-256, in PEM
 */
export function makeCertificateRequest(names: readonly string[], key: string): string {
  const privateKey = createPrivateKey(key);
  const asked = sequence(oid("1.2.840.113549.1.9.14"), set(sequence(alternativeNames(names))));
  const info = sequence(
    integer(Buffer.from([0])),
    sequence(),
    createPublicKey(privateKey).export({ type: "spki", format: "der" }),
    tagged(0, asked),
  );
  const signature = bitString(sign("sha256", info, privateKey));
  return pem("CERTIFICATE REQUEST", sequence(info, ecdsaWithSha256, signature));
}
