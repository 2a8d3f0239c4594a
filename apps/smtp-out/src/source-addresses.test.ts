import assert from "node:assert/strict";
import { test } from "node:test";
import { type Zone, ZoneResolver } from "@posthouse/dns/zone";
import type { Logger } from "@posthouse/service";
import { SourceAddresses } from "./source-addresses.ts";

const V4 = "198.51.100.25";
const V6 = "2001:db8:0::25";
const hops = [
  { host: "mx.there.example", address: "2001:db8:1::1" },
  { host: "mx.there.example", address: "203.0.113.1" },
];
const good: Zone = {
  "mail.here.example": { A: [V4], AAAA: ["2001:db8::25"] },
  [`ptr ${V4}`]: { PTR: ["Mail.here.example."] },
  [`ptr ${V6}`]: { PTR: ["other.example", "mail.here.example"] },
};

function sourcesOver(zone: Zone, own: readonly (string | undefined)[] = [V4, V6]) {
  const warnings: string[] = [];
  const clock = { nowMs: 0 };
  const log = {
    warn: (_: unknown, text: string) => warnings.push(text),
    info: (_: unknown, text: string) => warnings.push(text),
  } as unknown as Logger;
  const resolver = new ZoneResolver(zone);
  const sources = new SourceAddresses({
    resolver,
    heloName: "mail.here.example",
    log,
    now: () => clock.nowMs,
    sourceTowards: async (address) => (address.includes(":") ? own[1] : own[0]),
  });
  const used = async (configured: readonly string[] = []) =>
    (await sources.fitFor(hops, configured)).map(({ address }) =>
      address.includes(":") ? "IPv6" : "IPv4",
    );
  return { sources, warnings, resolver, clock, used };
}

const both = ["IPv6", "IPv4"];
const cases: readonly {
  name: string;
  zone: Zone;
  own?: readonly (string | undefined)[];
  used: readonly string[];
  says?: RegExp;
}[] = [
  { name: "names and addresses that agree", zone: good, used: both },
  {
    name: "IPv6 without PTR",
    zone: { ...good, [`ptr ${V6}`]: "not-found" },
    used: ["IPv4"],
    says: /^2001:db8:0::25 has no name in the DNS.*set its PTR record to mail\.here\.example$/,
  },
  {
    name: "IPv4 with the provider's name",
    zone: { ...good, [`ptr ${V4}`]: { PTR: ["host25.provider.example"] } },
    used: ["IPv6"],
    says: /calls 198\.51\.100\.25 host25\.provider\.example, and this host greets as mail\.here/,
  },
  {
    name: "a name that does not lead back",
    zone: { ...good, "mail.here.example": { A: [V4], AAAA: ["2001:db8::26"] } },
    used: ["IPv4"],
    says: /does not lead back to it.*an AAAA record with 2001:db8:0::25$/,
  },
  {
    name: "both bad: better than not at all",
    zone: { [`ptr ${V4}`]: "no-data" },
    used: both,
    says: /198\.51\.100\.25 has no name/,
  },
  { name: "no answer from the DNS", zone: { ...good, [`ptr ${V6}`]: "timeout" }, used: both },
  { name: "addresses behind a router", zone: {}, own: ["10.0.0.2", "fd00::2"], used: both },
  {
    name: "IPv4 bad and no IPv6 here",
    zone: {},
    own: [V4, undefined],
    used: both,
    says: /198\.51\.100\.25 has no name/,
  },
];
for (const { name, zone, own, used, says } of cases) {
  test(`${name}: mail goes over ${used.join(" and ")}`, async () => {
    const all = sourcesOver(zone, own);
    assert.deepEqual(await all.used(), used);
    await all.sources.check([]);
    if (says === undefined) assert.deepEqual(all.sources.problems(), []);
    else assert.ok(all.sources.problems().some((text) => says.test(text)));
    assert.deepEqual(all.warnings.length, all.sources.problems().length, "said once each");
  });
}

test("the address of a route is looked at in place of the system's", async () => {
  const all = sourcesOver({ ...good, "ptr 198.51.100.26": "not-found" });
  assert.deepEqual(await all.used(["198.51.100.26"]), ["IPv6"]);
});

test("what was mended is seen, and nobody is asked for each message", async () => {
  const records: Record<string, Zone[string]> = { ...good };
  delete records[`ptr ${V6}`];
  const zone = sourcesOver(records);
  await zone.used();
  await zone.used();
  assert.equal(zone.resolver.asked.filter((one) => one.startsWith("PTR")).length, 2);
  const mended = sourcesOver(good);
  zone.resolver.ptr = (address) => mended.resolver.ptr(address);
  zone.clock.nowMs += 600_000;
  assert.deepEqual(await zone.used(), both);
  assert.deepEqual(zone.sources.problems(), []);
  assert.match(zone.warnings.at(-1) ?? "", /by our name now/);
});

test("the system is asked for its way out, and this host's own address is no public one", async () => {
  const log = { warn: assert.fail } as unknown as Logger;
  const resolver = new ZoneResolver({});
  const own = new SourceAddresses({ resolver, heloName: "mail.here.example", log, now: Date.now });
  const there = [{ host: "localhost", address: "127.0.0.1" }];
  assert.deepEqual(await own.fitFor(there, []), there);
  assert.deepEqual(resolver.asked, []);
});
