import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { toAskedName } from "../src/domain-name.ts";
import { answerTo, queryFor } from "../src/message.ts";
import { parseNameServer, systemNameServers } from "../src/name-server.ts";

test("toAskedName() gives a name of RFC 1035 or nothing, for any text", () => {
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: "binary" }), fc.domain()), (text) => {
      const name = toAskedName(text);
      if (name === undefined) return;
      assert.ok(name.length <= 253);
      for (const label of name.split(".")) assert.match(label, /^[a-z0-9_-]{1,63}$/);
      assert.equal(toAskedName(name), name);
    }),
  );
});

test("answerTo() gives nothing for any octets that are not the answer, and never throws", () => {
  const query = queryFor(
    { type: "MX", name: "m.example" },
    { hasEdns: true, isCaseRandomized: false },
  );
  const header = query.octets.subarray(0, 12);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.boolean(), (octets, hasHeader) => {
      const message = hasHeader ? Buffer.concat([header, octets]) : Buffer.from(octets);
      assert.equal(answerTo(query, message), undefined);
    }),
  );
});

const servers = [
  { text: "127.0.0.1", address: "127.0.0.1", port: 53, isLoopback: true },
  { text: "127.0.0.1:5353", address: "127.0.0.1", port: 5353, isLoopback: true },
  { text: "::1", address: "::1", port: 53, isLoopback: true },
  { text: "[2001:db8::1]:5353", address: "2001:db8::1", port: 5353, isLoopback: false },
];
for (const { text, ...server } of servers) {
  test(`parseNameServer() reads ${text}`, () => {
    assert.deepEqual(parseNameServer(text), server);
  });
}

for (const text of [
  "",
  "ns.example.org",
  "127.0.0.1:0",
  "127.0.0.1:99999",
  "[127.0.0.1",
  "::1:x",
]) {
  test(`parseNameServer() refuses "${text}" in a sentence`, () => {
    assert.throws(() => parseNameServer(text), RangeError);
  });
}

test("without a resolv.conf the server is the one on this host", () => {
  assert.equal(systemNameServers("/nowhere/resolv.conf")[0]?.address, "127.0.0.1");
});
