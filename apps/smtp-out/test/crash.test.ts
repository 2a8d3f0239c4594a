import assert from "node:assert/strict";
import { test } from "node:test";
import { mailHost } from "./mail-host.ts";
import { MESSAGE, sendingHost } from "./sending-host.ts";
import { ended, killed, startProcess } from "./sending-process.ts";

const zone = {
  "there.example": { mx: ["10 mx.there.example"] },
  "mx.there.example": { a: ["127.0.0.1"] },
};

/**
 * The rows of the table above Delivery that have a remote host in them; the rows of the file and the
 * index are in packages/queue.
 */
const rows = [
  { row: "before the host was greeted", at: "CONNECT", times: 1 },
  { row: "after the sender was named", at: "MAIL", times: 1 },
  { row: "after a recipient was named", at: "RCPT", times: 1 },
  { row: "when the host wants the message", at: "DATA", times: 1 },
  { row: "C2: when the host has the message, and before it says so", at: "END", times: 1 },
];
for (const { row, at, times } of rows) {
  test(`killed ${row}, the message is sent by the next process, once`, async () => {
    const reached = Promise.withResolvers<void>();
    let isFirst = true;
    await using mx = await mailHost({
      respond: (line) => {
        if (!isFirst || !line.startsWith(at)) return undefined;
        isFirst = false;
        reached.resolve();
        return new Promise(() => undefined);
      },
    });
    await using host = await sendingHost({ zone, mxPort: mx.port });
    const child = await startProcess(host);
    await host.enqueue();
    await reached.promise;
    await killed(child);
    host.clock.nowMs = Date.now();
    await host.start();
    await mx.received(times);
    await host.until(async (queue) => (await queue.count()) === 0);
    assert.equal(mx.messages.at(-1)?.octets, MESSAGE);
    assert.equal(mx.messages.length, times);
  });
}

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
