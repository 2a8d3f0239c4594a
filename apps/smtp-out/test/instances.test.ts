import assert from "node:assert/strict";
import { test } from "node:test";
import { openQueue } from "@posthouse/queue";
import { mailHost } from "./mail-host.ts";
import { remote, type SendingHost, sendingHost } from "./sending-host.ts";
import { ended, killed, startProcess } from "./sending-process.ts";

const zone = {
  "there.example": { mx: ["10 mx.there.example"] },
  "elsewhere.example": { mx: ["10 mx.there.example"] },
  "mx.there.example": { a: ["127.0.0.1"] },
};
const isEmpty = (host: SendingHost) => host.until(async (queue) => (await queue.count()) === 0);

test("two processes work one queue, and each message is sent once", async () => {
  await using mx = await mailHost();
  await using host = await sendingHost({ zone, mxPort: mx.port, smtpOut: "deliveries_max = 1" });
  const sent: string[] = [];
  for (let n = 0; n < 24; n += 1) {
    const domain = n % 2 === 0 ? "there.example" : "elsewhere.example";
    await host.enqueue({ messageId: `m${n}`, recipients: [remote(`user${n}@${domain}`)] });
    sent.push(`RCPT TO:<user${n}@${domain}>`);
  }
  await host.queue.scan();
  await host.start("two");
  await host.start();
  await isEmpty(host);
  const received = mx.messages.flatMap(({ recipients }) => recipients);
  assert.deepEqual(received.toSorted(), sent.toSorted());
});

test("a process that starts takes nothing from another that is sending", async () => {
  const gate = Promise.withResolvers<undefined>();
  const asked = Promise.withResolvers<void>();
  await using mx = await mailHost({
    respond: async (line) => {
      if (line !== "END") return undefined;
      asked.resolve();
      return await gate.promise;
    },
  });
  await using host = await sendingHost({ zone, mxPort: mx.port });
  await host.start();
  await host.enqueue();
  await asked.promise;
  const two = await host.start("two");
  const [entry] = await host.queue.list();
  assert.equal(entry?.recipients[0]?.state.kind, "being-sent");
  gate.resolve(undefined);
  await isEmpty(host);
  await two.close();
  assert.equal(mx.messages.length, 1);
  await assert.rejects(host.start(), /another smtp-out is running/, "one name is one process");
});

test("what one that died was sending is taken over when its lease ends", async () => {
  await using mx = await mailHost();
  await using host = await sendingHost({ zone, mxPort: mx.port });
  await host.enqueue();
  const { config } = host.context;
  await using dead = await openQueue({
    queueDirectory: config.paths.queue,
    stateDirectory: config.smtpOut.stateDirectory,
    smtpOutSocketPath: config.smtpOut.socketPath,
    holder: "smtp-out",
    now: () => host.clock.nowMs,
  });
  await dead.scan();
  const claim = await dead.claimDue({ deliveriesMax: 1, busy: [], isLocalOnly: false });
  assert.equal(claim?.deliveries.length, 1);
  await host.start("two");
  host.clock.nowMs += 91_000;
  await mx.received(1);
  await isEmpty(host);
});

/**
 * What a host may get twice is what it had taken when the sender died, before the sender could know (RFC 5321
 * §4.2.5): the last message of a session that nobody ended, and nothing else.
 */
test("of two processes one is killed amid its work: all mail arrives, and twice only what its host had just taken", async (t) => {
  const areBothSending = Promise.withResolvers<undefined>();
  const sending = new Set<number>();
  const quit = new Set<number>();
  await using mx = await mailHost({
    respond: (line, session) => {
      if (line === "QUIT") quit.add(session);
      if (line !== "END") return undefined;
      if (sending.add(session).size === 6) areBothSending.resolve(undefined);
      return areBothSending.promise;
    },
  });
  const domains = ["a", "b", "c", "d"].map((name) => `${name}.there.example`);
  const zones = Object.fromEntries(
    domains.map((domain) => [domain, { mx: ["10 mx.there.example"] }]),
  );
  await using host = await sendingHost({
    zone: { ...zone, ...zones },
    mxPort: mx.port,
    smtpOut: "deliveries_max = 3",
  });
  const ids = Array.from({ length: 160 }, (_, n) => `m${n}`);
  for (const [n, messageId] of ids.entries()) {
    const recipients = [remote(`bob@${domains[n % domains.length]}`)];
    await host.enqueue({ messageId, recipients }, `X-Id: ${messageId}.\r\n\r\n`);
  }
  await host.queue.scan();
  const [one, two] = await Promise.all([
    startProcess(host),
    startProcess(host, { instance: "two" }),
  ]);
  await mx.received(40);
  await killed(one);
  const atDeath = mx.messages.length;
  // As systemd does at once; without it the other takes over when the leases end.
  const again = await startProcess(host);
  await isEmpty(host);
  assert.deepEqual([await ended(again), await ended(two)], [0, 0]);

  const copiesOf = Map.groupBy(mx.messages, ({ octets }) => /X-Id: (.*)\./.exec(octets)?.[1]);
  assert.deepEqual(new Set(copiesOf.keys()), new Set(ids));
  const twice = [...copiesOf.values()].filter(({ length }) => length > 1);
  for (const copies of twice) {
    const [first, second, ...rest] = copies;
    assert.ok(first && second && rest.length === 0);
    assert.ok(!quit.has(first.session), "it came by a session of the one that was killed");
    assert.equal(
      mx.messages.findLast(({ session }) => session === first.session),
      first,
    );
  }
  const broken = new Set(mx.messages.map(({ session }) => session)).difference(quit);
  assert.ok(broken.size > 0 && quit.size > 0, "both were sending");
  t.diagnostic(
    `killed after ${atDeath} of ${ids.length}: ${broken.size} sessions broke off, ${twice.length} came twice`,
  );
});
