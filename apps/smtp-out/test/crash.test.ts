import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { mailHost } from "./mail-host.ts";
import { MESSAGE, remote, sendingHost } from "./sending-host.ts";
import { ended, killed, startProcess } from "./sending-process.ts";

const zone = {
  "there.example": { mx: ["10 mx.there.example"] },
  "mx.there.example": { a: ["127.0.0.1"] },
};

/** Row C1 of the table above Delivery, and the first half of C2: nobody has said 250 yet. */
test("killed at any step of a session, the message is sent by the next process, once", async () => {
  const steps = ["CONNECT", "MAIL", "RCPT", "DATA", "END"];
  const reached = new Set<number>();
  const areAllThere = Promise.withResolvers<void>();
  await using mx = await mailHost({
    respond: (line, session) => {
      const step = steps[session - 1];
      if (step === undefined || !line.startsWith(step)) return undefined;
      if (reached.add(session).size === steps.length) areAllThere.resolve();
      return new Promise(() => undefined);
    },
  });
  const domains = steps.map((step) => `${step.toLowerCase()}.there.example`);
  const zones = Object.fromEntries(
    domains.map((domain) => [domain, { mx: ["10 mx.there.example"] }]),
  );
  await using host = await sendingHost({ zone: { ...zone, ...zones }, mxPort: mx.port });
  const child = await startProcess(host);
  for (const domain of domains) {
    await host.enqueue({ messageId: domain, recipients: [remote(`bob@${domain}`)] });
  }
  await areAllThere.promise;
  await killed(child);
  host.clock.nowMs = Date.now();
  await host.start();
  await host.until(async (queue) => (await queue.count()) === 0);
  assert.deepEqual(
    mx.messages.map(({ recipients, octets }) => [...recipients, octets]).toSorted(byText),
    domains.map((domain) => [`RCPT TO:<bob@${domain}>`, MESSAGE]).toSorted(byText),
  );
});

const byText = (a: readonly string[], b: readonly string[]) => (a.join() < b.join() ? -1 : 1);

/**
 * The other rows. bob's host has said 250, ghost's 550, and the sender, who is elsewhere, is to be told of
 * the latter. Copies that bob gets, and notifications that the sender gets.
 */
const rows = [
  { row: "C2, when the host has said 250", dieAt: "before append", copies: 2, told: 1 },
  { row: "C3", dieAt: "after record 1", copies: 1, told: 1 },
  { row: "C4", dieAt: "after queued", copies: 1, told: 2 },
  { row: "C5", dieAt: "after record 2", copies: 1, told: 1 },
  { row: "C6", dieAt: "after unlink", copies: 1, told: 1 },
];
for (const { row, dieAt, copies, told } of rows) {
  test(`killed at ${row}, a message comes ${copies === 1 ? "once" : "twice"}, and its notification ${told === 1 ? "once" : "twice under one id"}`, async () => {
    await using mx = await mailHost({
      respond: (line) => (line.includes("ghost@") ? "550 5.1.1 No such user" : undefined),
    });
    const sender = { "sender.example": { mx: ["10 mx.there.example"] } };
    await using host = await sendingHost({ zone: { ...zone, ...sender }, mxPort: mx.port });
    const child = await startProcess(host, { dieAt });
    await host.enqueue({
      reversePath: "ann@sender.example",
      recipients: [remote("bob@there.example"), remote("ghost@there.example")],
    });
    await once(child, "exit");
    host.clock.nowMs = Date.now();
    await host.start();
    await mx.received(copies + told);
    await host.until(async (queue) => (await queue.count()) === 0);
    const isNotification = ({ mail }: { mail: string }) => mail.startsWith("MAIL FROM:<>");
    const notifications = mx.messages.filter(isNotification);
    assert.equal(mx.messages.length - notifications.length, copies);
    assert.equal(notifications.length, told);
    const ids = notifications.map(({ octets }) => /^Message-ID: .*$/im.exec(octets)?.[0]);
    assert.equal(new Set(ids).size, 1);
  });
}

test("killed at C2, with the next message on its way over the same connection, the first one comes twice and the next one once", async () => {
  const isNextBegun = Promise.withResolvers<void>();
  let begun = 0;
  await using mx = await mailHost({
    respond: (line) => {
      if (line === "DATA" && ++begun === 2) isNextBegun.resolve();
      return undefined;
    },
  });
  const other = { "other.example": { mx: ["10 mx.there.example"] } };
  await using host = await sendingHost({ zone: { ...zone, ...other }, mxPort: mx.port });
  for (const id of ["one", "two"]) await host.enqueue({ messageId: id }, `X-Id: ${id}\r\n\r\n`);
  const child = await startProcess(host, { dieAt: "never unlink" });
  await isNextBegun.promise;
  // Another connection has time for all of a message, and so this one would have it for an end of the data.
  await host.enqueue(
    { messageId: "other", recipients: [remote("bob@other.example")] },
    "X-Id: other\r\n\r\n",
  );
  await mx.received(2);
  await killed(child);
  host.clock.nowMs = Date.now();
  await host.start();
  await host.until(async (queue) => (await queue.count()) === 0);
  const ids = mx.messages.map(({ octets }) => /X-Id: (\w+)/.exec(octets)?.[1]);
  const [first, second] = ids;
  const next = first === "one" ? "two" : "one";
  assert.equal(second, "other");
  assert.equal(ids.length, 5);
  assert.deepEqual(new Set(ids.slice(2)), new Set([first, "other", next]));
});

test("killed at C7, when the index has forgotten it too, nothing is left to do", async () => {
  await using mx = await mailHost();
  await using host = await sendingHost({ zone, mxPort: mx.port });
  const child = await startProcess(host);
  await host.enqueue();
  await mx.received(1);
  await host.until(async (queue) => (await queue.count()) === 0);
  await killed(child);
  await host.start();
  await host.enqueue({ messageId: "m2" });
  await mx.received(2);
  await host.until(async (queue) => (await queue.count()) === 0);
  assert.equal(mx.messages.length, 2);
});

test("killed at any moment under load, no message is lost, and each comes at most twice", async () => {
  await using mx = await mailHost();
  await using host = await sendingHost({ zone, mxPort: mx.port });
  const child = await startProcess(host);
  const ids = Array.from({ length: 40 }, (_, n) => `m${n}`);
  for (const messageId of ids) await host.enqueue({ messageId }, `X-Id: ${messageId}.\r\n\r\n`);
  await mx.received(15);
  await killed(child);
  host.clock.nowMs = Date.now();
  await host.start();
  await host.until(async (queue) => (await queue.count()) === 0);
  for (const id of ids) {
    const copies = mx.messages.filter(({ octets }) => octets.includes(`X-Id: ${id}.`)).length;
    assert.ok(copies === 1 || copies === 2, `${id} came ${copies} times`);
  }
});

test("SIGTERM ends the process within its time, and its leases are free at once", async () => {
  const reached = Promise.withResolvers<void>();
  let isFirst = true;
  await using mx = await mailHost({
    respond: (line) => {
      if (!isFirst || !line.startsWith("MAIL")) return undefined;
      isFirst = false;
      reached.resolve();
      return new Promise(() => undefined);
    },
  });
  await using host = await sendingHost({ zone, mxPort: mx.port });
  const child = await startProcess(host);
  await host.enqueue();
  await reached.promise;
  assert.equal(await ended(child), 0);
  host.clock.nowMs = Date.now();
  await host.start();
  await mx.received(1);
});
