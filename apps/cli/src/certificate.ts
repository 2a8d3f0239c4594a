import { X509Certificate } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import {
  type Config,
  certificateInUse,
  nextKeyFile,
  nextTlsa,
  tlsaOfKey,
} from "@posthouse/service";
import type { KeyChange } from "./checks/key-change.ts";
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

export const tlsaOf = (certificate: X509Certificate): string => tlsaOfKey(certificate.publicKey);

/** Undefined while there is only the self-made one, which is about to be replaced. */
export function certificateTlsa(config: Config): string | undefined {
  const { source, certificateFile } = certificateInUse(config);
  return source === "self-made" ? undefined : tlsaOf(readCertificate(certificateFile));
}

/** What belongs into the DNS: the record of the key in use, and of the one that comes next, if that was made. */
export function publishedTlsa(config: Config): readonly string[] {
  const current = certificateTlsa(config);
  return current === undefined
    ? []
    : [current, nextTlsa(config, current)].filter((one) => one !== undefined);
}

/** Where a change of the host's key stands, by the files. Undefined while there is only the self-made certificate. */
export function keyChangeOf(config: Config): KeyChange | undefined {
  const current = certificateTlsa(config);
  if (current === undefined) return undefined;
  const next = nextTlsa(config, current);
  return {
    name: `_25._tcp.${config.hostname}`,
    current,
    ...(next !== undefined && { next, nextSinceMs: statSync(nextKeyFile(config)).mtimeMs }),
  };
}
