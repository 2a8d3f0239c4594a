import type { Finding } from "../checks/finding.ts";
import { counted } from "../counted.ts";
import { listed } from "../output.ts";
import type { KeptReport, KeptReports } from "./kept-reports.ts";
import { type DmarcReport, type DmarcRow, hasPassed, type TlsReport } from "./report.ts";

const DAY_MS = 86_400_000;
const SHOWN_MAX = 5;

export interface SummaryOptions {
  /** Whose reports count, in the order that they are told. */
  readonly domains: readonly string[];
  /** This host's addresses. */
  readonly addresses: readonly string[];
  /** How far back, by when they came. */
  readonly days: number;
  readonly nowMs?: number;
}

/** What other hosts report, summed up: who sends in our name, what fails, and what to do. */
export function reportFindings(
  kept: Pick<KeptReports, "reports" | "isFull">,
  { domains, addresses, days, nowMs = Date.now() }: SummaryOptions,
): readonly Finding[] {
  const recent = kept.reports.filter(({ receivedMs }) => receivedMs >= nowMs - days * DAY_MS);
  const about = (domain: string) =>
    recent.filter((one) => one.domain === domain || one.domain.endsWith(`.${domain}`));
  return [
    ...domains.flatMap((domain) => {
      const reports = about(domain);
      return [
        ...dmarcFindings(domain, reports.filter(isDmarc), { addresses, days }),
        ...tlsFindings(domain, reports.filter(isTls), days),
      ];
    }),
    ...(kept.isFull
      ? [
          {
            id: "reports full",
            state: "warning",
            says: "So many reports came that no more are read until old ones expire",
            fix: "posthouse report list shows whose they are; retention.report_days keeps them for a shorter time",
          } as const,
        ]
      : []),
  ];
}

type Of<Kind> = Extract<KeptReport, Kind>;
const isDmarc = (one: KeptReport): one is Of<DmarcReport> & KeptReport => one.kind === "dmarc";
const isTls = (one: KeptReport): one is Of<TlsReport> & KeptReport => one.kind === "tls";

interface SeenRow extends DmarcRow {
  /** Who says so. */
  readonly by: string;
}

function dmarcFindings(
  domain: string,
  reports: readonly (DmarcReport & { readonly from: string })[],
  { addresses, days }: { readonly addresses: readonly string[]; readonly days: number },
): readonly Finding[] {
  if (reports.length === 0) return [];
  const rows = reports.flatMap(({ from, rows: ofReport }) =>
    ofReport.map((row): SeenRow => ({ ...row, by: from })),
  );
  const beyond = reports.map(({ others }) => others ?? { messages: 0, failed: 0 });
  const total = sum(rows) + beyond.reduce((all, { messages }) => all + messages, 0);
  const failed = rows.filter((row) => !hasPassed(row));
  const failedTotal = sum(failed) + beyond.reduce((all, one) => all + one.failed, 0);
  const reporters = namesOf(reports.map(({ from }) => from));
  const ours = failed.filter(({ address }) => addresses.includes(address));
  const others = failed.filter(({ address }) => !addresses.includes(address));
  const findings: Finding[] = [
    {
      id: `reports dmarc ${domain}`,
      state: "good",
      says: `${reporters} saw ${counted(total, "message")} in the name of ${domain} in ${counted(days, "day")}: ${total - failedTotal} passed DMARC, ${failedTotal} did not`,
    },
  ];
  if (ours.length > 0) findings.push(ownFailure(domain, ours));
  if (others.length > 0)
    findings.push(foreignFailure(domain, others, reports.at(-1)?.policy ?? ""));
  return findings;
}

/** Mail of this very host that did not pass: then something of ours is wrong. */
function ownFailure(domain: string, rows: readonly SeenRow[]): Finding {
  const [first] = rows;
  const signatures = first?.signatures.join(", ") ?? "";
  return {
    id: `reports dmarc own ${domain}`,
    state: "warning",
    says: `${namesOf(rows.map(({ by }) => by))} did not pass ${counted(sum(rows), "message")} of ${domain} from this host's address ${namesOf(rows.map(({ address }) => address))}: signatures ${signatures === "" ? "none" : signatures}; SPF ${first?.sender === "" ? "none" : first?.sender}`,
    fix: `Put right what posthouse doctor says of SPF and DKIM of ${domain}; posthouse dkim list shows which keys sign`,
  };
}

/** Others who send in our name: a service of ours that nobody told the DNS of, a forwarder, or a forger. */
function foreignFailure(domain: string, rows: readonly SeenRow[], policy: string): Finding {
  const sources = new Map<string, { messages: number; signers: readonly string[] }>();
  for (const { address, messages, signatures } of rows) {
    const known = sources.get(address)?.messages ?? 0;
    const signers = signatures
      .filter((one) => one.endsWith(" pass"))
      .map((one) => one.split(" ", 1)[0] ?? "");
    sources.set(address, { messages: known + messages, signers });
  }
  const largest = [...sources].sort(([, a], [, b]) => b.messages - a.messages);
  const shown = largest.map(([address, { messages, signers }]) => {
    const [signer] = signers;
    return `${address} (${messages}${signer === undefined ? "" : `, signed by ${signer}`})`;
  });
  const strict = /^(?:quarantine|reject)$/u.test(policy);
  return {
    id: `reports dmarc others ${domain}`,
    state: "unproven",
    says: `Others sent ${counted(sum(rows), "message")} in the name of ${domain} that did not pass, as ${namesOf(rows.map(({ by }) => by))} saw: ${listed(shown, SHOWN_MAX)}`,
    fix: `If one is a service of yours, add it to SPF and have it sign as ${domain}; forwarded mail may fail; ${
      strict
        ? `the others your policy ${policy} has put away`
        : "when none is left that is yours, make the policy p=quarantine, then p=reject"
    }`,
  };
}

function tlsFindings(
  domain: string,
  reports: readonly (TlsReport & { readonly from: string })[],
  days: number,
): readonly Finding[] {
  if (reports.length === 0) return [];
  const rows = reports.flatMap(({ rows: ofReport }) => ofReport);
  const successes = rows.reduce((all, row) => all + row.successes, 0);
  const failures = rows.reduce((all, row) => all + row.failures, 0);
  const reporters = namesOf(reports.map(({ from }) => from));
  const id = `reports tls ${domain}`;
  if (failures === 0) {
    return [
      {
        id,
        state: "good",
        says: `${reporters} had TLS with the hosts of ${domain} each of ${counted(successes, "time")} in ${counted(days, "day")}`,
      },
    ];
  }
  const types = new Map<string, number>();
  for (const { type, sessions } of rows.flatMap(({ details }) => details)) {
    types.set(type, (types.get(type) ?? 0) + sessions);
  }
  const largest = [...types].sort(([, a], [, b]) => b - a);
  const told = largest.map(([type, sessions]) => `${type} ${sessions}`);
  return [
    {
      id,
      state: "warning",
      says: `TLS with the hosts of ${domain} failed ${failures} of ${counted(failures + successes, "time")} in ${counted(days, "day")}, as ${namesOf(reports.filter(hasFailures).map(({ from }) => from))} saw: ${told.length === 0 ? "no reason given" : listed(told, SHOWN_MAX)}`,
      fix:
        remedies.get(largest[0]?.[0] ?? "") ??
        "posthouse report list, and report show <id> for what each said",
    },
  ];
}

const hasFailures = ({ rows }: TlsReport): boolean => rows.some(({ failures }) => failures > 0);

/** By the result types of RFC 8460 §4.3. */
const remedies: ReadonlyMap<string, string> = new Map([
  [
    "starttls-not-supported",
    "Look what stands before port 25 and takes STARTTLS out: a firewall, or a filter",
  ],
  [
    "certificate-host-mismatch",
    "Name the host that MX says in acme.names, or in the certificate under [tls]",
  ],
  ["certificate-expired", "posthouse tls status, and posthouse tls renew says what is in the way"],
  [
    "certificate-not-trusted",
    "posthouse tls status: a self-made certificate is believed by DANE alone",
  ],
  [
    "tlsa-invalid",
    "Publish the TLSA record that posthouse tls status prints, or take it out of the DNS",
  ],
  ["dnssec-invalid", "Look at the zone with delv or dnsviz.net: its DNSSEC is broken"],
  ["dane-required", "Publish the TLSA record that posthouse tls status prints"],
  ["sts-policy-fetch-error", "posthouse doctor says whether the MTA-STS policy can be fetched"],
  ["sts-policy-invalid", "posthouse doctor says what is wrong with the MTA-STS policy"],
  ["sts-webpki-invalid", "Name the mta-sts host in acme.names: docs/tls.md"],
]);

const sum = (rows: readonly { readonly messages: number }[]): number =>
  rows.reduce((total, { messages }) => total + messages, 0);

const namesOf = (names: readonly string[]): string => listed([...new Set(names)].sort(), SHOWN_MAX);
