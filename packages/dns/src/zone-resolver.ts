import { DnsError, type DnsErrorCode } from "./dns-error.ts";
import type { Resolver } from "./resolver.ts";

/** Records by type, or how a question for that name fails. */
export type ZoneRecords = Partial<Record<"A" | "AAAA" | "MX" | "TXT" | "PTR" | "CNAME", unknown[]>>;
export type Zone = Readonly<Record<string, ZoneRecords | DnsErrorCode>>;

/** A resolver that knows the names of a test and no others; MX is `[preference, exchange]`. */
export class ZoneResolver implements Resolver {
  readonly asked: string[] = [];
  readonly #zone: ReadonlyMap<string, ZoneRecords | DnsErrorCode>;

  constructor(zone: Zone) {
    this.#zone = new Map(Object.entries(zone).map(([name, records]) => [keyOf(name), records]));
  }

  async mx(name: string) {
    return this.#answer(name, "MX", (data) => {
      const [preference, exchange] = data as [number, string];
      return { preference, exchange };
    });
  }

  async addresses(name: string, family?: 4 | 6) {
    const type = family === 6 ? "AAAA" : "A";
    const answer = await this.#answer(name, type, String);
    const records = answer.records.map((address) => ({ address, family: family ?? 4 }));
    return { ...answer, records };
  }

  async txt(name: string) {
    return this.#answer(name, "TXT", String);
  }

  async ptr(address: string) {
    return this.#answer(`ptr ${address}`, "PTR", String);
  }

  tlsa(): never {
    throw new Error("Nobody asks for TLSA here");
  }

  close(): void {}

  async #answer<T>(name: string, type: keyof ZoneRecords, read: (data: unknown) => T) {
    this.asked.push(`${type} ${name}`);
    let canonicalName = keyOf(name);
    for (let names = 0; names < 9; names++) {
      const records = this.#zone.get(canonicalName);
      if (records === undefined) {
        throw new DnsError("not-found", `No ${canonicalName}`, { canonicalName });
      }
      if (typeof records === "string") throw new DnsError(records, `${records} for ${name}`);
      const own = records[type];
      if (own !== undefined) {
        return { records: own.map(read), isAuthenticated: false, ttlSeconds: 60, canonicalName };
      }
      const [target] = records.CNAME ?? [];
      if (typeof target !== "string") {
        throw new DnsError("no-data", `No ${type} of ${canonicalName}`, { canonicalName });
      }
      canonicalName = keyOf(target);
    }
    throw new DnsError("bad-response", `The CNAME chain of ${name} loops`);
  }
}

const keyOf = (name: string): string => name.toLowerCase().replace(/\.$/, "");
