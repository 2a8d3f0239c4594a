import type { PlannedRecord } from "@posthouse/client-settings";
import type { ZoneReader } from "@posthouse/dns";
import { comparePublished, type PublishedRecord } from "../dns/published.ts";
import type { Finding } from "./finding.ts";

/** What the DNS of a domain says, beside what it should. */
export async function domainDnsFindings(
  domain: string,
  records: readonly PlannedRecord[],
  resolver: ZoneReader,
): Promise<readonly Finding[]> {
  const states = await comparePublished(records, resolver);
  const published = states.filter(({ state }) => state === "published").length;
  const optional = states.filter(({ state, record }) => state === "missing" && record.isOptional);
  const findings = states.flatMap((one) => findingOf(domain, one));
  return [
    ...(findings.length === 0
      ? [
          {
            id: `dns ${domain}`,
            state: "good" as const,
            says: `The DNS of ${domain} says what it must (${published} records)`,
          },
        ]
      : findings),
    ...(optional.length === 0
      ? []
      : [
          {
            id: `dns optional ${domain}`,
            state: "unproven" as const,
            says: `${optional.length} records of ${domain} that help are not published: ${optional.map(({ record }) => `${record.type} ${record.name}`).join(", ")}`,
            fix: `posthouse setup postmaster@${domain} --dry-run prints them, each with its reason`,
          },
        ]),
  ];
}

/** Where a wrong record is worse than none: others then keep their mail back. */
const isHarmful = ({ type, data }: PlannedRecord): boolean =>
  type === "TLSA" || data.startsWith('"v=STSv1');

function findingOf(domain: string, { record, state, found }: PublishedRecord): readonly Finding[] {
  const { name, type, data, why, by, isOptional } = record;
  const id = `dns ${type} ${name}`;
  const where =
    by === "provider" ? "Ask the provider of the address for" : `In the DNS of ${domain}, publish`;
  const fix = `${where} ${name}. ${type} ${data}`;
  switch (state) {
    case "published":
      return [];
    case "unknown":
      return [{ id, state: "unproven", says: `${name} ${type} is not known: ${found.join(", ")}` }];
    case "missing":
      return isOptional
        ? []
        : [{ id, state: "bad", says: `${name} has no ${nounOf(record)}: ${why}`, fix }];
    case "different":
      return [
        {
          id,
          state: isOptional && !isHarmful(record) ? "warning" : "bad",
          says: `${name} ${type} says ${found.join(" and ")}, which is not what it should`,
          fix,
        },
      ];
  }
}

function nounOf({ type, data }: PlannedRecord): string {
  const tag = /^"v=(\w+?)1[ ;"]/.exec(data)?.[1];
  const names: Readonly<Record<string, string>> = { spf: "SPF", DKIM: "DKIM", DMARC: "DMARC" };
  return `${type === "TXT" && tag !== undefined ? `${names[tag] ?? tag} ` : ""}${type} record`;
}
