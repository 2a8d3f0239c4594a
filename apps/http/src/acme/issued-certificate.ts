import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";

/** `state/tls/acme.pem`, read. */
export interface IssuedCertificate {
  readonly key: string;
  readonly names: readonly string[];
  readonly fromMs: number;
  readonly untilMs: number;
}

/** Undefined when there is none, and when what is there is damaged: then another one is ordered. */
export async function readIssued(path: string): Promise<IssuedCertificate | undefined> {
  try {
    return issuedOf(await readFile(path, "utf8"));
  } catch {
    return undefined;
  }
}

/** @throws Error with a sentence, when key and certificate do not fit each other or cannot be read */
export function issuedOf(pem: string): IssuedCertificate {
  const [key] = /-----BEGIN PRIVATE KEY-----[^-]+-----END PRIVATE KEY-----\n?/.exec(pem) ?? [];
  if (key === undefined) throw new Error("there is no key in it");
  const certificate = new X509Certificate(pem.slice(pem.indexOf("-----BEGIN CERTIFICATE-----")));
  if (!certificate.checkPrivateKey(createPrivateKey(key))) {
    throw new Error("the certificate is for another key");
  }
  return {
    key,
    names: [...(certificate.subjectAltName ?? "").matchAll(/DNS:([^\s,]+)/g)].map(([, name = ""]) =>
      name.toLowerCase(),
    ),
    fromMs: Date.parse(certificate.validFrom),
    untilMs: Date.parse(certificate.validTo),
  };
}

/** At two thirds of its life: 30 days before the end of 90. */
export const renewAtMs = ({
  fromMs,
  untilMs,
}: Pick<IssuedCertificate, "fromMs" | "untilMs">): number => fromMs + ((untilMs - fromMs) * 2) / 3;
