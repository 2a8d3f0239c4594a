import type { PlannedRecord } from "@posthouse/client-settings";
import { DnsError, type ZoneReader } from "@posthouse/dns";

/** What the DNS says about one record that should be there. */
export interface PublishedRecord {
  readonly record: PlannedRecord;
  /** `unknown`: the DNS could not be asked. */
  readonly state: "published" | "missing" | "different" | "unknown";
  /** What is there in its place, as a zone file has it; for `unknown` the reason. */
  readonly found: readonly string[];
  /** What else has this name and type, and has to stay. */
  readonly others: readonly string[];
}

/** Compares what should be published with what is. What does the same in other words counts as published. */
export const comparePublished = (
  records: readonly PlannedRecord[],
  resolver: ZoneReader,
): Promise<readonly PublishedRecord[]> =>
  Promise.all(records.map((record) => compareOne(record, records, resolver)));

async function compareOne(
  record: PlannedRecord,
  all: readonly PlannedRecord[],
  resolver: ZoneReader,
): Promise<PublishedRecord> {
  try {
    const there = await lookUp(record, resolver);
    const found = there.filter((data) => isAbout(record, data));
    const others = there.filter((data) => !found.includes(data));
    if (isEnough(record, found, all)) return { record, state: "published", found, others };
    const isBeside = record.type === "TLSA" && found.every((data) => isPlanned(record, data, all));
    const isMissing = found.length === 0 || isBeside;
    return { record, state: isMissing ? "missing" : "different", found, others };
  } catch (error) {
    if (!(error instanceof DnsError)) throw error;
    return error.isTransient
      ? { record, state: "unknown", found: [error.message], others: [] }
      : await withoutRecord(record, all, resolver);
  }
}

/** Of TLSA records one that holds is enough (RFC 7671 §8.1): with one of ours there, another is only missing. */
const isPlanned = (
  { name, type }: PlannedRecord,
  data: string,
  all: readonly PlannedRecord[],
): boolean => all.some((one) => one.name === name && one.type === type && one.data === data);

/** A name that should be an alias of ours may have our address itself. */
async function withoutRecord(
  record: PlannedRecord,
  all: readonly PlannedRecord[],
  resolver: ZoneReader,
): Promise<PublishedRecord> {
  const missing = { record, state: "missing", found: [], others: [] } as const;
  if (record.type !== "CNAME") return missing;
  const ours = all.filter(({ type }) => type === "A" || type === "AAAA").map(({ data }) => data);
  try {
    const { records } = await resolver.addresses(record.name);
    const found = records.map(({ address }) => address);
    return found.every((address) => ours.includes(address))
      ? { record, state: "published", found, others: [] }
      : { record, state: "different", found, others: [] };
  } catch (error) {
    if (error instanceof DnsError) return missing;
    throw error;
  }
}

async function lookUp(record: PlannedRecord, resolver: ZoneReader): Promise<readonly string[]> {
  const { name, type } = record;
  switch (type) {
    case "A":
    case "AAAA":
      return (await resolver.addresses(name, type === "A" ? 4 : 6)).records.map(
        ({ address }) => address,
      );
    case "MX":
      return (await resolver.mx(name)).records.map(
        ({ preference, exchange }) => `${preference} ${exchange}.`,
      );
    case "TXT":
      return (await resolver.txt(name)).records.map((text) => `"${text}"`);
    case "TLSA":
      return (await resolver.tlsa(name)).records.map(
        ({ usage, selector, matchingType, certificate }) =>
          `${usage} ${selector} ${matchingType} ${certificate.toString("hex")}`,
      );
    case "PTR":
      return (await resolver.ptr(addressOfReverse(name))).records.map((host) => `${host}.`);
    case "SRV":
    case "CNAME":
    case "CAA":
      return (await resolver.zoneData(name, type)).records;
  }
}

/** `25.2.0.192.in-addr.arpa` is 192.0.2.25. */
export function addressOfReverse(name: string): string {
  const labels = name
    .replace(/\.(in-addr|ip6)\.arpa$/, "")
    .split(".")
    .reverse();
  return name.endsWith(".in-addr.arpa")
    ? labels.join(".")
    : (labels.join("").match(/.{4}/g) ?? []).join(":");
}

/** Of texts only those for the same purpose: a domain has others beside them. */
function isAbout({ type, data }: PlannedRecord, found: string): boolean {
  if (type === "TXT") return tagOf(found) === tagOf(data);
  if (type === "CAA") return /^\d+ issue /.test(found);
  return true;
}

const tagOf = (quoted: string): string => textOf(quoted).toLowerCase().split(/[;\s]/, 1)[0] ?? "";

const textOf = (quoted: string): string => quoted.replaceAll(/"(?:\s+")?/g, "");

function isEnough(
  record: PlannedRecord,
  found: readonly string[],
  all: readonly PlannedRecord[],
): boolean {
  if (record.type === "MX") {
    const host = record.data.split(" ")[1];
    return found.some((data) => data.split(" ")[1] === host);
  }
  if (record.type !== "TXT")
    return found.includes(record.data.toLowerCase()) || found.includes(record.data);
  const wanted = textOf(record.data);
  const [only, second] = found.map(textOf);
  // RFC 7208 §4.5, RFC 7489 §6.6.3: two of them are as good as none.
  if (only === undefined || second !== undefined) return false;
  if (only === wanted) return true;
  switch (tagOf(record.data)) {
    case "v=spf1":
      return letsUsSend(only, record, all);
    case "v=dmarc1":
      return /;\s*p\s*=/i.test(only);
    case "v=tlsrptv1":
      return /;\s*rua\s*=/i.test(only);
    case "v=dkim1":
      return keyOf(only) === keyOf(wanted);
    default:
      return false;
  }
}

const keyOf = (text: string): string | undefined =>
  /;\s*p\s*=([^;]*)/i.exec(text)?.[1]?.replaceAll(/\s/g, "");

/** SPF in other words: by mx, by our name or by each of our addresses. Includes are not followed here; the check of SPF does. */
function letsUsSend(text: string, { name }: PlannedRecord, all: readonly PlannedRecord[]): boolean {
  const terms = text.toLowerCase().split(/\s+/);
  const hosts = all.filter(({ type }) => type === "A" || type === "AAAA");
  const has = (...names: string[]) =>
    names.some((one) => terms.includes(one) || terms.includes(`+${one}`));
  if (has("+all", "all")) return true;
  if (hosts.some((host) => has(`a:${host.name}`) || (host.name === name && has("a")))) return true;
  if (has("mx", `mx:${name}`) && all.some((one) => one.type === "MX" && one.name === name))
    return true;
  return hosts.length > 0 && hosts.every(({ data }) => has(`ip4:${data}`, `ip6:${data}`));
}
