import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { DnsError, type Resolver } from "@posthouse/dns";
import { openMailAuthenticator } from "../src/index.ts";

/**
 * The published test suite of RFC 7208: its zones and cases, without its prose (spf-suite.LICENSE). A
 * case goes the whole way, through the thread and our questions to a resolver.
 */
interface Scenario {
  readonly scenario: string;
  readonly zone: Readonly<Record<string, readonly (readonly [string, unknown?])[]>>;
  readonly cases: readonly {
    readonly name: string;
    readonly spec: readonly string[];
    readonly helo: string;
    readonly host: string;
    readonly mailfrom: string;
    readonly result: readonly string[];
  }[];
}

const suite: readonly Scenario[] = JSON.parse(
  readFileSync(new URL("spf-suite.json", import.meta.url), "utf8"),
);

/** One thread for all: the zone changes under it. */
let zoneNow: Resolver = suiteResolver({});
const authenticator = openMailAuthenticator({
  resolver: {
    txt: (name) => zoneNow.txt(name),
    addresses: (name, family) => zoneNow.addresses(name, family),
    mx: (name) => zoneNow.mx(name),
    ptr: (address) => zoneNow.ptr(address),
    tlsa: (name) => zoneNow.tlsa(name),
    close: () => undefined,
  },
  hostname: "receiver.example.test",
  threadsMax: 1,
  complain: (error) => {
    throw error;
  },
});
after(() => authenticator[Symbol.asyncDispose]());

for (const { scenario, zone, cases } of suite) {
  describe(`SPF: ${scenario}`, () => {
    const resolver = suiteResolver(zone);
    before(() => {
      zoneNow = resolver;
    });
    for (const { name, spec, helo, host, mailfrom, result } of cases) {
      test(`${name} (${spec.join(", ")})`, async () => {
        const origin = { clientAddress: host, helo, reversePath: mailfrom };
        const { spf } = await authenticator.authenticate(origin, message());
        assert.ok(
          result.includes(spf.result),
          `${spf.result}, not ${result.join(" or ")}: ${spf.reason}`,
        );
      });
    }
  });
}

async function* message(): AsyncGenerator<Uint8Array> {
  yield Buffer.from("Subject: Hello\r\n\r\nHello\r\n");
}

/**
 * A zone as the suite means it: a record of type SPF is one of TXT as well, unless the name has TXT of
 * its own; TIMEOUT is for every type that was not listed before it.
 */
function suiteResolver(zone: Scenario["zone"]): Resolver {
  const names = new Map(
    Object.entries(zone).map(([name, records]) => [name.toLowerCase().replace(/\.$/, ""), records]),
  );
  const find = (name: string, type: string): unknown[] => {
    let at = name.toLowerCase().replace(/\.$/, "");
    for (let step = 0; step < 9; step++) {
      const records = names.get(at);
      if (records === undefined) throw new DnsError("not-found", at);
      const hasTxt = records.some(([one]) => one === "TXT");
      const found: unknown[] = [];
      for (const [one, data] of records) {
        if (one === "TIMEOUT") {
          if (found.length === 0) throw new DnsError("timeout", at);
        } else if (one === type || (one === "SPF" && type === "TXT" && !hasTxt)) {
          if (data !== "NONE") found.push(data);
        }
      }
      if (found.length > 0) return found;
      const alias = records.find(([one]) => one === "CNAME");
      if (alias === undefined) throw new DnsError("no-data", at);
      at = String(alias[1]).toLowerCase();
    }
    throw new DnsError("bad-response", name);
  };
  const answer = <T>(records: readonly T[]) => ({
    records,
    isAuthenticated: false,
    ttlSeconds: 60,
    canonicalName: "",
  });
  return {
    txt: async (name) =>
      answer(find(name, "TXT").map((text) => (Array.isArray(text) ? text.join("") : String(text)))),
    addresses: async (name, family = 4) =>
      answer(
        find(name, family === 4 ? "A" : "AAAA").map((address) => ({
          address: String(address),
          family,
        })),
      ),
    mx: async (name) =>
      answer(
        find(name, "MX").map((data) => {
          const [preference, exchange] = data as [number, string];
          return { preference, exchange };
        }),
      ),
    ptr: async (address) => answer(find(reverseName(address), "PTR").map(String)),
    tlsa: () => Promise.reject(new DnsError("no-data", "")),
    close: () => undefined,
  };
}

function reverseName(address: string): string {
  if (!address.includes(":")) return `${address.split(".").toReversed().join(".")}.in-addr.arpa`;
  const [head = "", tail = ""] = address.split("::");
  const groups = (text: string) => (text === "" ? [] : text.split(":"));
  const zeros = Array.from({ length: 8 - groups(head).length - groups(tail).length }, () => "0");
  const digits = [...groups(head), ...(address.includes("::") ? zeros : []), ...groups(tail)]
    .map((group) => group.padStart(4, "0"))
    .join("");
  return `${digits.split("").toReversed().join(".")}.ip6.arpa`;
}
