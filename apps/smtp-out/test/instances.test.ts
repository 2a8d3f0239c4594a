import assert from "node:assert/strict";
import { test } from "node:test";
import { openQueue } from "@posthouse/queue";
import { mailHost } from "./mail-host.ts";
import { remote, type SendingHost, sendingHost } from "./sending-host.ts";

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
