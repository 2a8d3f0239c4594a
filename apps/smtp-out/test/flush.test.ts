import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { flushDomain, QueueUnavailable } from "@posthouse/queue/writer";
import { testContext } from "@posthouse/service";
import { mailHost } from "./mail-host.ts";
import { sendingHost } from "./sending-host.ts";

test("a host that was away and asks for its mail has it at once, and hears how much it is", async () => {
  let isAway = true;
  await using mx = await mailHost({
    respond: (line) => (isAway && line.startsWith("MAIL") ? "451 4.3.0 Not now" : undefined),
  });
  await using host = await sendingHost({
    zone: {
      "there.example": { mx: ["10 mx.there.example"] },
      "mx.there.example": { a: ["127.0.0.1"] },
    },
    mxPort: mx.port,
  });
  await host.start();
  const { socketPath } = host.context.config.smtpOut;
  assert.equal(await flushDomain(socketPath, "there.example"), 0);
  await host.enqueue({ messageId: "m1" });
  await host.enqueue({ messageId: "m2" });
  await host.until(async (queue) => {
    const entries = await queue.list();
    const states = entries.flatMap(({ recipients }) => recipients.map(({ state }) => state.kind));
    return states.length === 2 && states.every((kind) => kind === "waiting");
  });
  assert.equal(await flushDomain(socketPath, "elsewhere.example"), 0);
  isAway = false;
  assert.equal(await flushDomain(socketPath, "there.example"), 2);
  await mx.received(2);
});

test("without smtp-out, or an answer of it, flushDomain() is QueueUnavailable", async () => {
  await using context = await testContext();
  const socketPath = join(context.directory, "smtp-out.sock");
  await assert.rejects(flushDomain(socketPath, "there.example"), QueueUnavailable);
  for (const answer of ["failed\n", "flushed many\n", ""]) {
    const server = createServer((socket) => socket.resume().end(answer)).listen(socketPath);
    await once(server, "listening");
    await assert.rejects(flushDomain(socketPath, "there.example"), QueueUnavailable);
    server.close();
    await once(server, "close");
  }
});
