import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Config } from "../config/config.ts";

/** Which certificate the servers show; both files are one for those that are made here. */
export interface CertificateInUse {
  readonly source: "configured" | "acme" | "self-made";
  readonly certificateFile: string;
  readonly keyFile: string;
}

/** The administrator's own files first; then what the ACME server gave, once it is there; then the self-made one. */
export function certificateInUse({
  tls,
  acme,
  paths,
}: Pick<Config, "tls" | "acme" | "paths">): CertificateInUse {
  if (tls.certificateFile !== undefined) {
    const { certificateFile, keyFile = certificateFile } = tls;
    return { source: "configured", certificateFile, keyFile };
  }
  const ofAcme = acmeCertificateFile({ paths });
  const isOfAcme = acme.isOn && existsSync(ofAcme);
  const file = isOfAcme ? ofAcme : selfMadeCertificateFile({ paths });
  return {
    source: isOfAcme ? "acme" : "self-made",
    certificateFile: file,
    keyFile: file,
  };
}

/** Those beside it, each for the names that it has: the administrator's own, and what the ACME server gave. */
export function furtherCertificates({
  tls,
  acme,
  paths,
}: Pick<Config, "tls" | "acme" | "paths">): readonly CertificateInUse[] {
  const ofAcme = acme.isOn ? acme.certificates : [];
  return [
    ...(tls.certificates ?? []).map(
      ({ certificateFile, keyFile = certificateFile }): CertificateInUse => ({
        source: "configured",
        certificateFile,
        keyFile,
      }),
    ),
    ...ofAcme
      .map(({ names: [first] }) => acmeCertificateFile({ paths }, first))
      .filter((file) => existsSync(file))
      .map((file): CertificateInUse => ({ source: "acme", certificateFile: file, keyFile: file })),
  ];
}

/**
 * Key and chain in one file, so that nobody ever reads the key of one certificate with another. That of
 * `acme.names`, or of `[[acme.certificates]]` by its first name.
 */
export const acmeCertificateFile = ({ paths }: Pick<Config, "paths">, firstName?: string): string =>
  join(paths.state, "tls", firstName === undefined ? "acme.pem" : `acme-${firstName}.pem`);

export const selfMadeCertificateFile = ({ paths }: Pick<Config, "paths">): string =>
  join(paths.state, "tls", "self-signed.pem");
