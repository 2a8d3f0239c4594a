import type { X509Certificate } from "node:crypto";
import {
  type CertificateInUse,
  type Config,
  certificateInUse,
  furtherCertificates,
} from "@posthouse/service";
import { readCertificate } from "../certificate.ts";
import { CommandFailure } from "../command-failure.ts";
import { counted } from "../counted.ts";
import type { Finding } from "./finding.ts";

const DAY_MS = 86_400_000;
/** ACME renews with a third of the life left, which is a month: below this it has failed for weeks. */
const SOON_DAYS = 14;

/** The certificates that are shown: until when, by whom, and for which names. */
export const certificateFindings = (
  config: Config,
  nowMs: number = Date.now(),
): readonly Finding[] => [
  ownFinding(config, nowMs),
  ...furtherCertificates(config).flatMap((inUse) => furtherFindings(inUse, nowMs)),
];

function ownFinding(config: Config, nowMs: number): Finding {
  const id = "certificate";
  const inUse = certificateInUse(config);
  try {
    const certificate = readCertificate(inUse.certificateFile);
    const ending = endingOf(certificate, inUse, nowMs);
    if (ending !== undefined) return { id, ...ending };
    if (inUse.source === "self-made") {
      return {
        id,
        state: "warning",
        says: "The certificate is self-made: mail programs warn of it, and other hosts cannot believe it",
        fix: "[acme] in the configuration gets one by itself: docs/tls.md",
      };
    }
    if (certificate.checkHost(config.hostname) === undefined) {
      return {
        id,
        state: "bad",
        says: `The certificate is not for ${config.hostname}`,
        fix: "Write the name into acme.names, or name other files under [tls]",
      };
    }
    return {
      id,
      state: "good",
      says: `The certificate is good for ${counted(daysLeft(certificate, nowMs), "more day")}`,
    };
  } catch (error) {
    if (!(error instanceof CommandFailure)) throw error;
    return { id, state: "bad", says: error.message, fix: "posthouse tls status" };
  }
}

/** Only what is wrong with one that stands beside the host's own. */
function furtherFindings(inUse: CertificateInUse, nowMs: number): readonly Finding[] {
  const id = `certificate ${inUse.certificateFile}`;
  try {
    const ending = endingOf(readCertificate(inUse.certificateFile), inUse, nowMs);
    return ending === undefined ? [] : [{ id, ...ending }];
  } catch (error) {
    if (!(error instanceof CommandFailure)) throw error;
    return [{ id, state: "bad", says: error.message, fix: "posthouse tls status" }];
  }
}

function endingOf(
  certificate: X509Certificate,
  { source, certificateFile }: CertificateInUse,
  nowMs: number,
): Omit<Finding, "id"> | undefined {
  const days = daysLeft(certificate, nowMs);
  if (days >= SOON_DAYS) return undefined;
  const fix =
    source === "acme"
      ? "posthouse tls renew says what is in the way"
      : "Renew the files under [tls], or let Posthouse get them: docs/tls.md";
  const says =
    days < 0
      ? `The certificate in ${certificateFile} ended ${counted(-days, "day")} ago`
      : `The certificate in ${certificateFile} ends in ${counted(days, "day")}`;
  return { state: "bad", says, fix };
}

const daysLeft = ({ validTo }: X509Certificate, nowMs: number): number =>
  Math.floor((Date.parse(validTo) - nowMs) / DAY_MS);

/**
 * Names of a domain that lead to this host in the DNS and that no certificate is for: mail programs would be warned,
 * and MTA-STS fails (RFC 8461 §3.3).
 */
export function uncertifiedFinding(
  config: Config,
  domain: string,
  published: readonly string[],
): readonly Finding[] {
  const missing = uncertifiedNames(config, published);
  if (missing.length === 0) return [];
  return [
    {
      id: `certificate names ${domain}`,
      state: "warning",
      says: `No certificate is for ${missing.join(", ")}, which the DNS says ${missing.length === 1 ? "is" : "are"} here`,
      fix: config.acme.isOn
        ? `In the configuration: [[acme.certificates]] with names = ${JSON.stringify(missing)}, then systemctl restart posthouse-http`
        : "Name a certificate for them under [[tls.certificates]]: docs/tls.md",
    },
  ];
}

/** Those of these names that none of our certificates is for. */
export function uncertifiedNames(config: Config, names: readonly string[]): readonly string[] {
  const certificates = [certificateInUse(config), ...furtherCertificates(config)].flatMap(
    ({ certificateFile }) => {
      try {
        return [readCertificate(certificateFile)];
      } catch {
        // Said elsewhere.
        return [];
      }
    },
  );
  return names.filter((name) => certificates.every((one) => one.checkHost(name) === undefined));
}
