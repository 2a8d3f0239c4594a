import type { PlannedRecord } from "@posthouse/client-settings";
import type { ZoneReader } from "@posthouse/dns";
import type { Finding } from "../checks/finding.ts";
import { comparePublished } from "../dns/published.ts";

/** What programs look up in the DNS: SRV records of RFC 6186 and RFC 8314, and what PACC ties its document to. */
export async function testServiceRecords(
  records: readonly Pick<PlannedRecord, "name" | "type" | "data">[],
  resolver: ZoneReader,
): Promise<readonly Finding[]> {
  const asked = records
    .filter(({ name, type }) => type === "SRV" || name.startsWith("_ua-auto-config."))
    .map((record) => ({ ...record, why: "", by: "you" as const, isOptional: true }));
  const compared = await comparePublished(asked, resolver);
  return compared.map(({ record: { name, type, data }, state, found }): Finding => {
    const id = `client dns ${type} ${name}`;
    // A service that is not there needs no record to say so.
    if (state === "published" || (state === "missing" && data === "0 0 0 .")) {
      return {
        id,
        state: "good",
        says: `The DNS says of ${name}: ${state === "missing" ? "nothing" : data}`,
      };
    }
    if (state === "unknown") {
      return {
        id,
        state: "unproven",
        says: `The DNS could not be asked for ${name}: ${found[0] ?? ""}`,
      };
    }
    const there = state === "missing" ? "nothing" : found.join(", ");
    return {
      id,
      state: "warning",
      says: `The DNS says of ${name} ${type}: ${there}`,
      fix: `Publish ${name}. ${type} ${data}`,
    };
  });
}
