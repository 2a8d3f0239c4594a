import { readFileSync } from "node:fs";
import { get } from "node:https";
import { rootCertificates } from "node:tls";
import type { Finding } from "./finding.ts";

const ANSWER_MS_MAX = 10_000;
const SKEW_MS_MAX = 60_000;

/** The ACME server can be reached; and its clock says whether ours is right, which signatures and TLS need. */
export async function acmeFindings(
  { directoryUrl, caFile }: { readonly directoryUrl: string; readonly caFile?: string },
  now: () => number = Date.now,
): Promise<readonly Finding[]> {
  const { promise, resolve, reject } = Promise.withResolvers<string | undefined>();
  try {
    const ca =
      caFile === undefined ? {} : { ca: [...rootCertificates, readFileSync(caFile, "utf8")] };
    const asking = get(
      directoryUrl,
      { timeout: ANSWER_MS_MAX, agent: false, ...ca },
      (response) => {
        response.resume();
        resolve(response.headers.date);
      },
    );
    asking.on("timeout", () => asking.destroy(new Error("no answer in time")));
    asking.on("error", reject);
    const date = await promise;
    return [
      { id: "acme", state: "good", says: `The ACME server ${directoryUrl} answers` },
      ...clockFinding(date, now()),
    ];
  } catch (error) {
    const { message, code } = error as NodeJS.ErrnoException;
    return [
      {
        id: "acme",
        state: "warning",
        says: `The ACME server ${directoryUrl} cannot be reached (${code ?? message}), so there will be no certificate`,
        fix: "Let port 443 out of the firewall, or name files under [tls]: docs/tls.md",
      },
    ];
  }
}

function clockFinding(date: string | undefined, nowMs: number): readonly Finding[] {
  const theirsMs = Date.parse(date ?? "");
  if (Number.isNaN(theirsMs)) return [];
  const seconds = Math.round((nowMs - theirsMs) / 1000);
  return Math.abs(seconds) * 1000 <= SKEW_MS_MAX
    ? [{ id: "clock", state: "good", says: "The clock is right" }]
    : [
        {
          id: "clock",
          state: "bad",
          says: `The clock is ${Math.abs(seconds)} s ${seconds > 0 ? "ahead" : "behind"}: signatures and certificates are then wrong`,
          fix: "apt-get install systemd-timesyncd (or chrony), and let UDP port 123 out",
        },
      ];
}
