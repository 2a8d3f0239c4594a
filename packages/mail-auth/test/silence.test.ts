import assert from "node:assert/strict";
import { test } from "node:test";
import { DnsError, type Resolver } from "@posthouse/dns";
import { openMailAuthenticator } from "../src/index.ts";

const never = () => new Promise<never>(() => undefined);
const silent: Resolver = {
  mx: never,
  addresses: never,
  txt: never,
  tlsa: never,
  ptr: never,
  close: () => undefined,
};

const origin = {
  clientAddress: "192.0.2.1",
  helo: "out.example.org",
  reversePath: "ann@example.org",
};
const message =
  "From: <ann@example.org>\r\nDKIM-Signature: v=1; a=rsa-sha256; d=example.org; s=s; h=From; bh=AAAA; b=AAAA\r\n\r\nHello\r\n";

async function* octets(): AsyncGenerator<Uint8Array> {
  yield Buffer.from(message);
}

test("a DNS that never answers holds a message no longer than it may, and is a temperror throughout", async () => {
  await using authenticator = openMailAuthenticator({
    resolver: silent,
    hostname: "mail.example.test",
    dnsMs: 50,
    complain: (error) => {
      throw error;
    },
  });
  const { spf, dkim, dmarc, iprev } = await authenticator.authenticate(origin, octets());
  assert.deepEqual(
    [spf.result, dmarc.result, dmarc.policy, iprev.result, ...dkim.map(({ result }) => result)],
    // That the body is not what was signed needs no key.
    ["temperror", "temperror", undefined, "temperror", "fail"],
  );
});

test("what the sender of the octets throws comes through, and the next message is checked", async () => {
  await using authenticator = openMailAuthenticator({
    resolver: silent,
    hostname: "mail.example.test",
    dnsMs: 50,
    threadsMax: 1,
    complain: (error) => {
      throw error;
    },
  });
  const broken = async function* (): AsyncGenerator<Uint8Array> {
    yield Buffer.from("From: <ann@exam");
    throw new Error("The client went");
  };
  await assert.rejects(authenticator.authenticate(origin, broken()), /The client went/);
  assert.equal((await authenticator.authenticate(origin, octets())).spf.result, "temperror");
});

test("a resolver that fails in a way nobody foresaw is complained of, and nothing is held against the message", async () => {
  const complaints: Error[] = [];
  const failing = {
    ...silent,
    ptr: () => Promise.reject(new DnsError("not-found", "It has no name")),
    txt: () => Promise.reject(new TypeError("A mistake")),
  };
  await using authenticator = openMailAuthenticator({
    resolver: failing,
    hostname: "mail.example.test",
    complain: (error) => complaints.push(error),
  });
  const { spf, dmarc } = await authenticator.authenticate(origin, octets());
  assert.deepEqual([spf.result, dmarc.result, dmarc.policy], ["temperror", "temperror", undefined]);
  assert.equal(complaints.length, 1);
});
