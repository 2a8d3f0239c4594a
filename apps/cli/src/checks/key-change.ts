import { DnsError, type Resolver } from "@posthouse/dns";
import type { Finding } from "./finding.ts";

/** Caches may have the set of records as it was before; twice their time is for the name servers among each other. */
const TTLS = 2;

export interface KeyChange {
  /** `_25._tcp.mail.example.org` */
  readonly name: string;
  /** The TLSA record's data of the key in use. */
  readonly current: string;
  /** … of the one that comes next, and since when it is there. */
  readonly next?: string;
  readonly nextSinceMs?: number;
}

/**
 * Whether the key may change now without hosts that keep to DANE keeping their mail back (RFC 7671 §8.1): the next
 * one's record has to have been in the DNS for longer than anybody remembers what was there before. Undefined when
 * it may; else what is in the way.
 */
export async function keyChangeObstacle(
  change: KeyChange,
  resolver: Resolver,
  nowMs: number = Date.now(),
): Promise<string | undefined> {
  const { name, next, nextSinceMs = nowMs } = change;
  const published = await publishedAt(name, resolver);
  if (typeof published === "string")
    return `whether there are TLSA records is not known: ${published}`;
  if (published.data.length === 0) return undefined;
  if (next === undefined) {
    return `${name} has a TLSA record, and the record of the next key has to be there first: posthouse tls new-key makes that key`;
  }
  if (!published.data.includes(next)) {
    return `the record of the next key is not published yet: ${name}. TLSA ${next}`;
  }
  const readyMs = nextSinceMs + TTLS * published.ttlSeconds * 1000;
  if (readyMs <= nowMs) return undefined;
  const at = new Date(readyMs).toISOString().slice(0, 16).replace("T", " ");
  return `other hosts may still remember the records without the next key until ${at} UTC`;
}

/** What doctor says of a change of keys that was begun, and of records that no key of ours has. */
export async function keyChangeFindings(
  change: KeyChange,
  resolver: Resolver,
  nowMs: number = Date.now(),
): Promise<readonly Finding[]> {
  const { name, current, next } = change;
  const published = await publishedAt(name, resolver);
  if (typeof published === "string" || published.data.length === 0) return [];
  const strange = published.data.filter(
    (data) => data.startsWith("3 1 1 ") && data !== current && data !== next,
  );
  const findings: Finding[] = strange.map((data) => ({
    id: `tlsa stale ${data}`,
    state: "unproven",
    says: `${name} has a TLSA record of a key that this host does not show: ${data}`,
    fix: "When every host here shows the newer key, take it out of the DNS",
  }));
  if (next === undefined) return findings;
  const obstacle = await keyChangeObstacle(change, resolver, nowMs);
  return [
    ...findings,
    obstacle === undefined
      ? {
          id: "tlsa next",
          state: "unproven",
          says: "The record of the next key is known everywhere, so the certificate can change to it",
          fix: "posthouse tls renew --new-key",
        }
      : {
          id: "tlsa next",
          state: "warning",
          says: `A next key was made, and the certificate cannot change to it yet: ${obstacle}`,
          fix: `In the DNS, publish ${name}. TLSA ${next} beside the one that is there, and wait; docs/tls.md`,
        },
  ];
}

async function publishedAt(
  name: string,
  resolver: Resolver,
): Promise<{ readonly data: readonly string[]; readonly ttlSeconds: number } | string> {
  try {
    const { records, ttlSeconds } = await resolver.tlsa(name);
    const data = records.map(({ usage, selector, matchingType, certificate }) =>
      [usage, selector, matchingType, certificate.toString("hex")].join(" "),
    );
    return { data, ttlSeconds };
  } catch (error) {
    if (!(error instanceof DnsError)) throw error;
    return error.isTransient ? error.message : { data: [], ttlSeconds: 0 };
  }
}
