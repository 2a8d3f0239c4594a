import assert from "node:assert/strict";
import { test } from "node:test";
import type { Destination } from "@posthouse/queue";
import fc from "fast-check";
import { parseAddressLiteral } from "./address-literal.ts";
import type { DnsAnswer, MailDns } from "./mail-dns.ts";
import { findRoute, inOrder, inTurns } from "./route.ts";

type Records = { readonly mx?: readonly string[]; readonly a?: readonly string[] };
type Names = Readonly<Record<string, Records | "unavailable">>;

/** The DNS as a table: its own answers are tested in packages/dns, and over UDP in remote.test.ts. */
function table(names: Names): MailDns {
  const answer = <T>(name: string, read: (records: Records) => readonly T[]): DnsAnswer<T> => {
    const known = names[name];
    if (known === undefined) return { kind: "no-name" };
    if (known === "unavailable") return { kind: "unavailable", reason: "SERVFAIL" };
    const records = read(known);
    return records.length === 0
      ? { kind: "no-data" }
      : { kind: "found", records, isAuthenticated: false, canonicalName: name };
  };
  return {
    mx: async (domain) =>
      answer(domain, ({ mx = [] }) =>
        mx.map((text) => {
          const [preference, exchange = ""] = text.split(" ");
          return { preference: Number(preference), exchange };
        }),
      ),
    addresses: async (host) => answer(host, ({ a = [] }) => a),
    tlsa: async () => ({ kind: "no-data" }),
  };
}

async function routeTo(names: Names, destination = "there.example") {
  const route = await findRoute(
    {
      dns: table(names),
      isOurselves: (host, address) => host === "us.example" || address === "192.0.2.99",
      random: () => 0.5,
    },
    destination as Destination,
  );
  if (route.kind === "hops") return route.hops.map(({ host, address }) => `${host} ${address}`);
  return `${route.reply.code} ${route.reply.enhanced}`;
}

const one = { a: ["192.0.2.1"] };
const cases: readonly {
  name: string;
  names: Names;
  to?: string;
  is: string | readonly string[];
}[] = [
  {
    name: "hosts stand in the order of their preference",
    names: {
      "there.example": { mx: ["20 b.example", "10 a.example"] },
      "a.example": one,
      "b.example": { a: ["192.0.2.2"] },
    },
    is: ["a.example 192.0.2.1", "b.example 192.0.2.2"],
  },
  {
    name: "a null MX refuses all mail (RFC 7505)",
    names: { "there.example": { mx: ["0 "], a: ["192.0.2.1"] } },
    is: "556 5.1.10",
  },
  { name: "a domain that does not exist is a permanent failure", names: {}, is: "550 5.1.2" },
  {
    name: "no answer from the DNS is a temporary one",
    names: { "there.example": "unavailable" },
    is: "451 4.4.3",
  },
  {
    name: "no answer about any host of the list is temporary, too",
    names: { "there.example": { mx: ["10 a.example"] }, "a.example": "unavailable" },
    is: "451 4.4.3",
  },
  {
    name: "a list of hosts without addresses is a permanent failure",
    names: { "there.example": { mx: ["10 a.example"] } },
    is: "550 5.4.4",
  },
  {
    name: "a host without addresses is passed over",
    names: { "there.example": { mx: ["10 a.example", "20 b.example"] }, "b.example": one },
    is: ["b.example 192.0.2.1"],
  },
  {
    name: "without MX the domain's own address is used",
    names: { "there.example": one },
    is: ["there.example 192.0.2.1"],
  },
  {
    name: "mail for a list that we head would loop",
    names: {
      "there.example": { mx: ["10 us.example", "20 a.example"] },
      "us.example": one,
      "a.example": one,
    },
    is: "554 5.4.6",
  },
  {
    name: "we are found by our address as well",
    names: {
      "there.example": { mx: ["10 alias.example"] },
      "alias.example": { a: ["192.0.2.99"] },
    },
    is: "554 5.4.6",
  },
  {
    name: "as a backup we send to preferred hosts only, not to our equals",
    names: {
      "there.example": { mx: ["10 a.example", "20 us.example", "20 b.example"] },
      "a.example": one,
      "us.example": one,
      "b.example": one,
    },
    is: ["a.example 192.0.2.1"],
  },
  {
    name: "IPv6 and IPv4 come by turns",
    names: { "there.example": { a: ["192.0.2.1", "192.0.2.2", "2001:db8::1"] } },
    is: ["there.example 2001:db8::1", "there.example 192.0.2.1", "there.example 192.0.2.2"],
  },
  { name: "an IPv4 literal", names: {}, to: "[192.0.2.7]", is: ["192.0.2.7 192.0.2.7"] },
  { name: "an IPv6 literal", names: {}, to: "[ipv6:2001:db8::7]", is: ["2001:db8::7 2001:db8::7"] },
  { name: "a literal that is ourselves", names: {}, to: "[192.0.2.99]", is: "554 5.4.6" },
  { name: "a literal that is none", names: {}, to: "[999.1.1.1]", is: "553 5.1.3" },
  { name: "no domain at all", names: {}, to: "a b", is: "553 5.1.3" },
];
for (const { name, names, to, is } of cases) {
  test(`findRoute(): ${name}`, async () => assert.deepEqual(await routeTo(names, to), is));
}

test("among equals the lot decides, and every host is still there", () => {
  const equals = ["a", "b", "c"].map((exchange) => ({ preference: 10, exchange }));
  const lots = [0.9, 0.1, 0.5];
  const drawn = inOrder(equals, () => lots.shift() ?? 0);
  assert.deepEqual(
    drawn.map(({ exchange }) => exchange),
    ["b", "c", "a"],
  );
});

test("taking families by turns loses no address", () => {
  const address = fc.oneof(fc.ipV4(), fc.ipV6());
  fc.assert(
    fc.property(fc.array(address), (addresses) => {
      assert.deepEqual(inTurns(addresses).sort(), [...addresses].sort());
    }),
  );
});

test("no text makes the reader of address literals throw, and a zone is never taken", () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      const address = parseAddressLiteral(`[${text}]`) ?? parseAddressLiteral(text) ?? "";
      assert.ok(!address.includes("%"));
    }),
  );
  assert.equal(parseAddressLiteral("[IPv6:fe80::1%eth0]"), undefined);
});
