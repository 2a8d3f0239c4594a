import { limits } from "./limits.ts";
import type { TlsFailure, TlsReport, TlsRow } from "./report.ts";
import { ReportError } from "./report-error.ts";
import { countIn, domainOf, periodOf, textOf } from "./values.ts";

type Json = Readonly<Record<string, unknown>>;

/**
 * Reads a report about TLS (RFC 8460 §4.4). One is about one domain of ours, though the format could have
 * several: what is about another than the first is left out.
 *
 * @throws ReportError
 */
export function parseTlsJson(octets: Uint8Array): TlsReport {
  const report = objectIn(parsed(octets));
  const range = objectIn(report["date-range"]);
  const policies = listIn(report.policies).map(objectIn);
  const domain = domainOf(objectIn(policies[0]?.policy)["policy-domain"]);
  const ofDomain = policies.filter((one) => {
    return (
      textOf(objectIn(one.policy)["policy-domain"]).toLowerCase().replace(/\.$/u, "") === domain
    );
  });
  return {
    kind: "tls",
    organisation: textOf(report["organization-name"]),
    reportId: textOf(report["report-id"]),
    domain,
    ...periodOf(
      Date.parse(textOf(range["start-datetime"])),
      Date.parse(textOf(range["end-datetime"])),
    ),
    rows: ofDomain.slice(0, limits.rowsKeptMax).map(rowOf),
  };
}

function parsed(octets: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(octets)) as unknown;
  } catch (cause) {
    throw new ReportError("is no JSON", { cause });
  }
}

function rowOf(one: Json): TlsRow {
  const summary = objectIn(one.summary);
  return {
    policy: textOf(objectIn(one.policy)["policy-type"]),
    successes: countIn(summary["total-successful-session-count"]) ?? 0,
    failures: countIn(summary["total-failure-session-count"]) ?? 0,
    details: listIn(one["failure-details"])
      .slice(0, limits.rowsKeptMax)
      .map((detail) => failureOf(objectIn(detail))),
  };
}

const failureOf = (detail: Json): TlsFailure => ({
  type: textOf(detail["result-type"]),
  sessions: countIn(detail["failed-session-count"]) ?? 0,
  host: textOf(detail["receiving-mx-hostname"]),
  reason: textOf(detail["failure-reason-code"]) || textOf(detail["additional-information"]),
});

const objectIn = (value: unknown): Json =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Json) : {};

const listIn = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
