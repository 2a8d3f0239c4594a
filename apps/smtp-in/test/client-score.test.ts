import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { decideByClient } from "../src/inspection/client-score.ts";

const rules = {
  hostname: "mail.example.test",
  ownName: 10,
  badHelo: 2,
  noName: 2,
  junk: 5,
  refuse: 10,
};
const address = "192.0.2.1";
const named = { result: "pass", address, reason: "" } as const;
const nameless = { result: "permerror", address, reason: `${address} has no name` } as const;
const unknown = { result: "temperror", address, reason: "" } as const;
const list = (score: number) => [{ zone: "list.example", score }];

const cases = [
  {
    name: "a host in good order",
    helo: "out.example.org",
    iprev: named,
    listings: [],
    is: "take 0",
  },
  {
    name: "its address as a literal",
    helo: "[192.0.2.1]",
    iprev: named,
    listings: [],
    is: "take 0",
  },
  { name: "another's address", helo: "[192.0.2.9]", iprev: named, listings: [], is: "take 2" },
  { name: "no host name", helo: "localhost", iprev: named, listings: [], is: "take 2" },
  {
    name: "no name in the DNS",
    helo: "out.example.org",
    iprev: nameless,
    listings: [],
    is: "take 2",
  },
  {
    name: "a DNS that is silent",
    helo: "out.example.org",
    iprev: unknown,
    listings: [],
    is: "take 0",
  },
  { name: "our own name", helo: "Mail.Example.TEST", iprev: named, listings: [], is: "refuse 10" },
  { name: "a list", helo: "out.example.org", iprev: named, listings: list(5), is: "junk 5" },
  { name: "a list, and no name", helo: "x", iprev: nameless, listings: list(6), is: "refuse 10" },
  {
    name: "a list that trusts it",
    helo: "mail.example.test",
    iprev: named,
    listings: list(-5),
    is: "junk 5",
  },
] as const;

describe("decideByClient()", () => {
  for (const { name, helo, iprev, listings, is } of cases) {
    test(name, () => {
      const { action, points } = decideByClient({ address, helo }, { iprev, listings, rules });
      assert.equal(`${action} ${points}`, is);
    });
  }

  test("says what is wrong and what to do", () => {
    const decision = decideByClient(
      { address, helo: "out.example.org" },
      { iprev: nameless, listings: list(10), rules },
    );
    assert.equal(
      "reply" in decision && decision.reply.text,
      "Your host is not trusted here: 192.0.2.1 is listed by list.example, 192.0.2.1 has no name. Have that put right, or send through another host",
    );
  });
});
