import { DnsError } from "./dns-error.ts";
import type { ZoneReader } from "./resolver.ts";

/**
 * The zone that `name` belongs to, as RFC 2136 §3.1.1 wants it named: the nearest name at or above that has a
 * SOA record of its own. Undefined when there is none; an answer that does not come counts as none there.
 */
export async function zoneOf(name: string, resolver: ZoneReader): Promise<string | undefined> {
  for (let zone = name; zone.includes("."); zone = zone.slice(zone.indexOf(".") + 1)) {
    try {
      const { canonicalName } = await resolver.zoneData(zone, "SOA");
      if (canonicalName === zone) return zone;
    } catch (error) {
      if (!(error instanceof DnsError)) throw error;
    }
  }
  return undefined;
}
