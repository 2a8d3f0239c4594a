import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import type { Worker } from "node:worker_threads";
import type { Resolver } from "@posthouse/dns";
import { ZoneResolver } from "@posthouse/dns/zone";
import { openMailAuthenticator } from "../src/index.ts";
import { limits } from "../src/limits.ts";

const zone = new ZoneResolver({});
const resolver: Resolver = {
  txt: (name) => zone.txt(name),
  addresses: (name, family) => zone.addresses(name, family),
  mx: (name) => zone.mx(name),
  ptr: (address) => zone.ptr(address),
  tlsa: () => zone.tlsa(),
  close: () => undefined,
};
const origin = { clientAddress: "192.0.2.1", helo: "out.example.org", reversePath: "" };

async function* octets(): AsyncGenerator<Uint8Array> {
  yield Buffer.from("From: <ann@example.org>\r\n\r\nHello\r\n");
}

test("a thread that has had nothing to check for a while ends, and the next message begins another", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const begun: Worker[] = [];
  const note = (worker: Worker) => void begun.push(worker);
  process.on("worker", note);
  t.after(() => process.off("worker", note));
  await using authenticator = openMailAuthenticator({
    resolver,
    hostname: "mail.example.test",
    threadsMax: 1,
    complain: (error) => {
      throw error;
    },
  });
  for (const count of [1, 2]) {
    const { spf } = await authenticator.authenticate(origin, octets());
    assert.equal(spf.result, "none");
    assert.equal(begun.length, count);
    const [thread] = begun.slice(-1);
    const ended = once(thread ?? process, "exit");
    t.mock.timers.tick(limits.threadIdleMs);
    await ended;
  }
});
