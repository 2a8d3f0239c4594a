import { type Config, certificateInUse } from "@posthouse/service";
import { readCertificate } from "../certificate.ts";
import { CommandFailure } from "../command-failure.ts";
import type { Finding } from "./finding.ts";

const DAY_MS = 86_400_000;
/** ACME renews with a third of the life left, which is a month: below this it has failed for weeks. */
const SOON_DAYS = 14;

/** The certificate that is shown: until when, by whom, and for which names. */
export function certificateFindings(
  config: Config,
  nowMs: number = Date.now(),
): readonly Finding[] {
  const id = "certificate";
  const { source, certificateFile } = certificateInUse(config);
  try {
    const certificate = readCertificate(certificateFile);
    const days = Math.floor((Date.parse(certificate.validTo) - nowMs) / DAY_MS);
    const renew =
      source === "acme"
        ? "posthouse tls renew says what is in the way"
        : "Renew the files under [tls], or let Posthouse get them: docs/tls.md";
    if (days < 0)
      return [{ id, state: "bad", says: `The certificate ended ${-days} days ago`, fix: renew }];
    if (days < SOON_DAYS) {
      return [{ id, state: "bad", says: `The certificate ends in ${days} days`, fix: renew }];
    }
    if (source === "self-made") {
      return [
        {
          id,
          state: "warning",
          says: "The certificate is self-made: mail programs warn of it, and other hosts cannot believe it",
          fix: "[acme] in the configuration gets one by itself: docs/tls.md",
        },
      ];
    }
    if (certificate.checkHost(config.hostname) === undefined) {
      return [
        {
          id,
          state: "bad",
          says: `The certificate is not for ${config.hostname}`,
          fix: "Write the name into acme.names, or name other files under [tls]",
        },
      ];
    }
    return [{ id, state: "good", says: `The certificate is good for ${days} days more` }];
  } catch (error) {
    if (!(error instanceof CommandFailure)) throw error;
    return [{ id, state: "bad", says: error.message, fix: "posthouse tls status" }];
  }
}
