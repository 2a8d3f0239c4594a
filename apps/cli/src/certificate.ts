import { createHash, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { type Config, certificateInUse } from "@posthouse/service";
import { CommandFailure } from "./command-failure.ts";

/** @throws CommandFailure */
export function readCertificate(path: string): X509Certificate {
  try {
    const pem = readFileSync(path, "latin1");
    return new X509Certificate(pem.slice(Math.max(0, pem.indexOf("-----BEGIN CERTIFICATE-----"))));
  } catch (cause) {
    const { code, path: unreadable } = cause as NodeJS.ErrnoException;
    if (code === "ENOENT") {
      throw new CommandFailure(
        `There is no certificate "${path}" yet: the first server that starts makes one`,
        { cause },
      );
    }
    if (unreadable !== undefined) throw cause;
    throw new CommandFailure(`"${path}" is not a certificate: ${(cause as Error).message}`, {
      cause,
    });
  }
}

/** A TLSA record's data: DANE-EE, SPKI, SHA2-256 (RFC 7671 §5.1). */
export function tlsaOf(certificate: X509Certificate): string {
  const spki = certificate.publicKey.export({ type: "spki", format: "der" });
  return `3 1 1 ${createHash("sha256").update(spki).digest("hex")}`;
}

/** Undefined while there is only the self-made one, which is about to be replaced. */
export function certificateTlsa(config: Config): string | undefined {
  const { source, certificateFile } = certificateInUse(config);
  return source === "self-made" ? undefined : tlsaOf(readCertificate(certificateFile));
}
