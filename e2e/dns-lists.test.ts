import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, beforeEach, describe, test } from "node:test";
import { createResolver, type Resolver } from "@posthouse/dns";
import { freePort } from "@posthouse/test-tools";
import { DnsLists } from "../apps/smtp-in/src/inspection/dns-lists.ts";
import { startKnot } from "./knot.ts";
import { whatIsMissing } from "./program.ts";

const skip = whatIsMissing("knotd") ?? false;

const zones = {
  "deny.example": [
    "2.0.0.127 A 127.0.0.2",
    "7.2.0.192 A 127.0.0.4",
    "8.2.0.192 A 127.0.0.9",
    "9.2.0.192 A 127.255.255.254",
    "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2 A 127.0.0.2",
  ].join("\n"),
  "allow.example": "2.0.0.127 A 127.0.0.2\n7.2.0.192 A 127.0.0.2",
  "closed.example": "* A 127.0.0.2",
  "empty.example": "www A 192.0.2.80",
  "shut.example": "* A 127.255.255.254",
};
const codes = ["127.0.0.2", "127.0.0.4-7"];

describe("DNS lists in zones of Knot", { skip }, () => {
  let directory: string;
  let knot: AsyncDisposable;
  let resolver: Resolver;
  let said: string[];
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "posthouse-lists-"));
    const port = await freePort();
    knot = await startKnot({ directory, port, zones });
    resolver = createResolver({ servers: [`127.0.0.1:${port}`] });
  });
  after(async () => {
    resolver.close();
    await knot[Symbol.asyncDispose]();
    await rm(directory, { recursive: true, force: true });
  });
  beforeEach(() => {
    said = [];
  });

  const lists = (...named: [string, number][]): DnsLists => {
    const note = (facts: { zone: string }, text: string) => said.push(`${facts.zone}: ${text}`);
    return new DnsLists(
      named.map(([zone, score]) => ({ zone, score, codes })),
      { resolver, log: { info: note, error: note } as never },
    );
  };

  test("who is listed with a code that counts is found, by IPv4 and IPv6", async () => {
    const asked = lists(["deny.example", 5], ["allow.example", -3]);
    assert.deepEqual(await asked.find("192.0.2.7"), [
      { zone: "deny.example", score: 5 },
      { zone: "allow.example", score: -3 },
    ]);
    assert.deepEqual(await asked.find("2001:db8::1"), [{ zone: "deny.example", score: 5 }]);
    assert.deepEqual(await asked.find("192.0.2.6"), []);
    assert.deepEqual(said, ["deny.example: A DNS list is on", "allow.example: A DNS list is on"]);
  });

  test("a code that was not asked for does not count", async () => {
    assert.deepEqual(await lists(["deny.example", 5]).find("192.0.2.8"), []);
  });

  test("127.255.255.0/24 is an error: the administrator is told, and the list is off", async () => {
    const asked = lists(["deny.example", 5]);
    assert.deepEqual(await asked.find("192.0.2.9"), []);
    assert.deepEqual(await asked.find("192.0.2.7"), []);
    assert.deepEqual(said, [
      "deny.example: A DNS list is on",
      "deny.example: A DNS list is off: it answers 127.255.255.254: it does not serve this resolver",
    ]);
  });

  const unproven = [
    ["closed.example", "it lists 127.0.0.1, so it lists everybody"],
    ["empty.example", "its test entry 127.0.0.2 is not there"],
    ["shut.example", "it answers 127.255.255.254: it does not serve this resolver"],
    ["unknown.example.net", "it does not answer"],
  ] as const;
  for (const [zone, why] of unproven) {
    test(`${zone} never counts, and is told of once: ${why}`, async () => {
      const asked = lists([zone, 5]);
      assert.deepEqual(await asked.find("192.0.2.7"), []);
      assert.deepEqual(await asked.find("192.0.2.7"), []);
      assert.deepEqual(said, [`${zone}: A DNS list is off: ${why}`]);
    });
  }
});
