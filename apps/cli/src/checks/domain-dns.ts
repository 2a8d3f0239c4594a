import type { PlannedRecord } from "@posthouse/client-settings";
import type { ZoneReader } from "@posthouse/dns";
import { counted } from "../counted.ts";
import { comparePublished, type PublishedRecord } from "../dns/published.ts";
import { isWithin } from "../dns/within.ts";
import type { Finding } from "./finding.ts";

/**
 * What the DNS of a domain says, beside what it should. Records of the host are looked at too, and told only of the one
 * domain `withHost` that answers for them: of others they would be told once a domain, as if they belonged there.
 */
export async function domainDnsFindings(
  { domain, withHost }: { readonly domain: string; readonly withHost: boolean },
  records: readonly PlannedRecord[],
  resolver: ZoneReader,
): Promise<readonly Finding[]> {
  const compared = await comparePublished(records, resolver);
  const states = withHost
    ? compared
    : compared.filter(({ record }) => isWithin(record.name, domain));
  const published = states.filter(({ state }) => state === "published").length;
  const optional = states.filter(({ state, record }) => state === "missing" && record.isOptional);
  const findings = states.flatMap((one) => findingOf(domain, one));
  return [
    ...(findings.length === 0
      ? [
          {
            id: `dns ${domain}`,
            state: "good" as const,
            says: `The DNS of ${domain} says what it must (${counted(published, "record")})`,
          },
        ]
      : findings),
    ...(optional.length === 0
      ? []
      : [
          {
            id: `dns optional ${domain}`,
            state: "unproven" as const,
            says: `${counted(optional.length, "record")} of ${domain} that would help ${optional.length === 1 ? "is" : "are"} not published: ${optional.map(({ record }) => `${record.type} ${record.name}`).join(", ")}`,
            fix: `posthouse setup postmaster@${domain} --dry-run prints them, each with its reason`,
          },
        ]),
  ];
}

/** What to do for a record, and in whose zone. */
function publishingOf(record: PlannedRecord, domain: string): string {
  const { name, type, data, by } = record;
  if (by === "provider") return `Ask the provider of the address for ${name}. ${type} ${data}`;
  const where = isWithin(name, domain) ? `In the DNS of ${domain}` : "In the DNS of this host";
  return `${where}, publish ${name}. ${type} ${data}`;
}

/** Where a wrong record is worse than none: others then keep their mail back. */
const isHarmful = ({ type, data }: PlannedRecord): boolean =>
  type === "TLSA" || data.startsWith('"v=STSv1');

function findingOf(domain: string, { record, state, found }: PublishedRecord): readonly Finding[] {
  const { name, type, why, isOptional } = record;
  const id = `dns ${type} ${name}`;
  const fix = publishingOf(record, domain);
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
