import assert from "node:assert/strict";
import { test } from "node:test";
import type { Delivery, Queue } from "@posthouse/queue";
import type { Logger } from "@posthouse/service";
import { Suppression } from "../src/suppression.ts";
import { mailHost } from "./mail-host.ts";
import { eventsOf, remote, type SendingHost, sendingHost } from "./sending-host.ts";

const zone = {
  "there.example": { mx: ["10 mx.there.example"] },
  "mx.there.example": { a: ["127.0.0.1"] },
};
const accounts = {
  "ann@here.example": { kind: "found", targets: [{ address: "ann@here.example", isLocal: true }] },
} as const;
const DAY_MS = 86_400_000;

/** A host that knows bob only, ann's mailbox, and smtp-out that holds back after two refusals in 10 days. */
async function hosts(answer = "550 5.1.1 No such user here") {
  await using opened = new AsyncDisposableStack();
  const state = { answer };
  const mx = opened.use(
    await mailHost({
      respond: (line) => (line.startsWith("RCPT TO:<Gone@") ? state.answer : undefined),
    }),
  );
  const host = opened.use(
    await sendingHost({
      zone,
      mxPort: mx.port,
      accounts,
      smtpOut: "suppress_after_bounces = 2\nsuppress_days = 10",
    }),
  );
  const { socketPath } = host.context.config.lmtp;
  const lmtp = opened.use(await mailHost({ socketPath, extensions: ["8BITMIME", "DSN"] }));
  await host.start();
  const owner = opened.move();
  const asked = () => mx.lines.filter((line) => line.startsWith("RCPT TO:<Gone@")).length;
  return { state, mx, host, lmtp, asked, [Symbol.asyncDispose]: () => owner.disposeAsync() };
}

const isEmpty = async (queue: Queue) => (await queue.count()) === 0;

async function send(host: SendingHost, messageId: string, more: object = {}): Promise<void> {
  await host.enqueue({
    messageId,
    authenticatedAs: "ann@here.example",
    recipients: [remote("Gone@there.example")],
    ...more,
  });
  await host.until(async (queue) => {
    const events = await eventsOf(host);
    const isOver = events.some(
      (event) =>
        event.messageId === messageId && (event.type === "bounced" || event.type === "relayed"),
    );
    return isOver && (await isEmpty(queue));
  });
}

test("after its refusals an address is not asked again, and the sender is told at once what it had said", async () => {
  await using all = await hosts();
  await send(all.host, "m1");
  await send(all.host, "m2");
  await send(all.host, "m3");
  assert.equal(all.asked(), 2);
  const dsn = all.lmtp.messages[2]?.octets.replaceAll(/\r\n\s*/gu, " ") ?? "";
  assert.match(
    dsn,
    /mx\.there\.example refused your last 2 messages to gone@there\.example for good/,
  );
  assert.match(dsn, /550 5\.1\.1 No such user here/);
  assert.match(dsn, /posthouse suppression clear gone@there\.example/);
  // Somebody else's mail, and that of nobody with an account, goes.
  await send(all.host, "m4", { authenticatedAs: "cid@here.example" });
  assert.equal(all.asked(), 3);
});

test("the other recipients of the message have it", async () => {
  await using all = await hosts();
  await send(all.host, "m1");
  await send(all.host, "m2");
  const recipients = [remote("Gone@there.example"), remote("bob@there.example")];
  await send(all.host, "m3", { recipients });
  assert.equal(all.asked(), 2);
  assert.deepEqual(all.mx.messages[0]?.recipients, ["RCPT TO:<bob@there.example>"]);
});

test("clear() lets mail go again, and so does time", async () => {
  await using all = await hosts();
  await send(all.host, "m1");
  await send(all.host, "m2");
  assert.equal(await all.host.queue.forgetBounces("GONE@there.example"), 1);
  await send(all.host, "m3");
  assert.equal(all.asked(), 3);
  await send(all.host, "m4");
  await send(all.host, "m5");
  assert.equal(all.asked(), 4);
  all.host.clock.nowMs += 10 * DAY_MS;
  await send(all.host, "m6");
  assert.equal(all.asked(), 5);
});

test("what is known goes along when the account has another address", async () => {
  await using all = await hosts();
  await send(all.host, "m1");
  await send(all.host, "m2");
  const [{ account } = { account: "" }] = await all.host.queue.bounces();
  assert.equal(await all.host.queue.renameBouncesOf(account.toUpperCase(), "anne@new.example"), 1);
  const left = (await all.host.queue.bounces()).map((bounce) => bounce.account);
  assert.deepEqual(left, ["anne@new.example"]);
  await send(all.host, "m3", { authenticatedAs: "anne@new.example" });
  assert.equal(all.asked(), 2);
  await send(all.host, "m4", { authenticatedAs: account });
  assert.equal(all.asked(), 3);
});

test("mail that is taken makes good what was refused before", async () => {
  await using all = await hosts();
  await send(all.host, "m1");
  all.state.answer = "250 2.1.5 Ok";
  await send(all.host, "m2");
  // It is noted when the delivery is over.
  await all.host.until(async (queue) => (await queue.bounces()).length === 0);
});

test("a full mailbox or a block is no reason", async () => {
  await using all = await hosts("552 5.2.2 Mailbox is full");
  for (const id of ["m1", "m2", "m3"]) await send(all.host, id);
  assert.equal(all.asked(), 3);
  assert.deepEqual(await all.host.queue.bounces(), []);
});

test("what cannot be remembered is no fault of the delivery, which is over", async () => {
  const warnings: unknown[] = [];
  const log = { warn: (fields: unknown) => warnings.push(fields) } as unknown as Logger;
  const queue = {
    bounces: async () => [],
    noteBounce: async () => Promise.reject(new Error("disk is full")),
    forgetBounces: async () => 0,
  };
  const policy = { bouncesMax: 3, windowMs: DAY_MS };
  const suppression = new Suppression({ queue, policy, log, now: Date.now });
  const envelope = { authenticatedAs: "ann@here.example", recipients: [remote("a@b.example")] };
  await suppression.note({ entry: { envelope } } as unknown as Delivery, [
    {
      recipient: 0,
      status: "failed",
      reply: { code: 550, enhanced: "5.1.1", text: "No" },
      remoteHost: "mx",
    },
  ]);
  assert.equal(warnings.length, 1);
});
