import { formatDateTime } from "@posthouse/smtp";
import type { PolicyCount } from "./tls-reports.ts";

/** What is told of one day of one domain. */
export interface TlsReport {
  readonly day: string;
  readonly domain: string;
  readonly policies: readonly PolicyCount[];
  readonly hostname: string;
  readonly id: string;
}

/** RFC 8460 §4.4. */
export function reportJson({ day, domain, policies, hostname, id }: TlsReport): object {
  return {
    "organization-name": hostname,
    "date-range": {
      "start-datetime": `${day}T00:00:00Z`,
      "end-datetime": `${day}T23:59:59Z`,
    },
    "contact-info": `postmaster@${hostname}`,
    "report-id": id,
    policies: policies.map(({ type, strings, mx, successes, failures, details }) => ({
      policy: {
        "policy-type": type,
        "policy-string": strings,
        "policy-domain": domain,
        ...(mx.length > 0 && { "mx-host": mx }),
      },
      summary: {
        "total-successful-session-count": successes,
        "total-failure-session-count": failures,
      },
      ...(failures > 0 && { "failure-details": Object.values(details) }),
    })),
  };
}

/** RFC 8460 §5.3. */
export function composeTlsReport(
  { day, domain, hostname, id }: TlsReport,
  { to, packed, nowMs }: { readonly to: string; readonly packed: Buffer; readonly nowMs: number },
): Buffer {
  const startSeconds = Date.parse(`${day}T00:00:00Z`) / 1000;
  const file = `${hostname}!${domain}!${startSeconds}!${startSeconds + 86_399}!${id}.json.gz`;
  const boundary = `=_${id}`;
  const lines = [
    `From: TLS reports <postmaster@${hostname}>`,
    `To: <${to}>`,
    `Subject: Report Domain: ${domain}`,
    ` Submitter: ${hostname}`,
    ` Report-ID: <${id}@${hostname}>`,
    `Date: ${formatDateTime(nowMs)}`,
    `Message-ID: <${id}@${hostname}>`,
    "Auto-Submitted: auto-generated",
    // RFC 8689 §5, and RFC 8460 §3: it has to arrive when TLS does not work.
    "TLS-Required: No",
    `TLS-Report-Domain: ${domain}`,
    `TLS-Report-Submitter: ${hostname}`,
    "MIME-Version: 1.0",
    `Content-Type: multipart/report; report-type="tlsrpt"; boundary="${boundary}"`,
    "",
    `--${boundary}`,
    "Content-Type: text/plain; charset=us-ascii",
    "",
    `This is what became of TLS between ${hostname}`,
    `and the mail hosts of ${domain} on ${day} (UTC).`,
    "",
    `--${boundary}`,
    `Content-Type: application/tlsrpt+gzip; name="${file}"`,
    `Content-Disposition: attachment; filename="${file}"`,
    "Content-Transfer-Encoding: base64",
    "",
    ...(packed.toString("base64").match(/.{1,76}/gu) ?? []),
    `--${boundary}--`,
    "",
  ];
  return Buffer.from(lines.join("\r\n"), "latin1");
}
