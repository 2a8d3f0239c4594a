import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { test } from "node:test";
import { DnsUpdateError, parseTsigKey, sendUpdate } from "@posthouse/dns";
import fc from "fast-check";
import { isSignedAnswer, signed, updateMessage } from "../src/update-message.ts";

test("a TSIG key is read as BIND, Knot and one line have it", () => {
  const secret = Buffer.from("secret");
  const expected = { name: "up", algorithm: "hmac-sha512", secret };
  const base64 = secret.toString("base64");
  for (const text of [
    `hmac-sha512:up:${base64}\n`,
    `# hmac-sha512:up:${base64}\nkey:\n  - id: up\n    algorithm: hmac-sha512\n    secret: ${base64}\n`,
    `key:\n  - id: "up"\n    algorithm: hmac-sha512\n    secret: ${base64}\n`,
    `key "up" {\n\talgorithm hmac-sha512;\n\tsecret "${base64}";\n};\n`,
  ]) {
    assert.deepEqual(parseTsigKey(text), expected, text);
  }
  assert.throws(() => parseTsigKey("hello"), /There is no TSIG key in it: write "hmac-sha256/);
  assert.throws(
    () => parseTsigKey(`key "up" { algorithm hmac-md5; secret "${base64}"; };`),
    /is for hmac-md5; hmac-sha1, hmac-sha256/,
  );
});

const key = parseTsigKey("hmac-sha256:up:c2VjcmV0");

test("no octets are taken for a signed answer, and none throw", () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 12, maxLength: 300 }), (octets) => {
      assert.equal(isSignedAnswer(Buffer.from(octets), key, Buffer.alloc(32)), false);
    }),
    { numRuns: 500 },
  );
  const message = updateMessage({ id: 1, zone: "example.test", clear: [], add: [] });
  const { octets } = signed(message, key, 1_800_000_000);
  for (let length = 12; length < octets.length; length += 1) {
    assert.equal(isSignedAnswer(octets.subarray(0, length), key, Buffer.alloc(32)), false);
  }
});

test("an answer that says done and is not signed is not believed", async (t) => {
  const server = createServer((socket) => {
    socket.once("data", (octets) => {
      const answer = Buffer.alloc(14);
      answer.writeUInt16BE(12, 0);
      octets.copy(answer, 2, 2, 4);
      answer.writeUInt16BE(0xa800, 4);
      socket.end(answer);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  const update = { server: `127.0.0.1:${port}`, zone: "example.test", add: [] };
  await assert.rejects(sendUpdate({ ...update, key }), (error) => {
    assert.ok(error instanceof DnsUpdateError);
    assert.match(error.message, /is not signed with the key "up", so it may be anybody's/);
    return true;
  });
  await sendUpdate(update);
});
