import assert from "node:assert/strict";
import { test } from "node:test";
import type { Queue } from "@posthouse/queue";
import { type MailHostOptions, mailHost } from "./mail-host.ts";
import { eventsOf, remote, sendingHost } from "./sending-host.ts";

const HOUR_MS = 3_600_000;
const zone = {
  "there.example": { mx: ["10 mx.there.example"] },
  "mx.there.example": { a: ["127.0.0.1"] },
  "null.example": { mx: ["0 ."] },
};
const accounts = {
  "ann@here.example": {
    kind: "found",
    targets: [{ address: "ann@here.example", isLocal: true }],
  },
  "gone@here.example": { kind: "unknown-user" },
} as const;

const isEmpty = async (queue: Queue) => (await queue.count()) === 0;

/** A remote host and, for the sender, lmtp-delivery. */
async function hosts(options: MailHostOptions = {}) {
  await using opened = new AsyncDisposableStack();
  const mx = opened.use(await mailHost(options));
  const host = opened.use(await sendingHost({ zone, mxPort: mx.port, accounts }));
  const { socketPath } = host.context.config.lmtp;
  const lmtp = opened.use(await mailHost({ socketPath, extensions: ["8BITMIME", "DSN"] }));
  await host.start();
  const owner = opened.move();
  return { mx, host, lmtp, [Symbol.asyncDispose]: () => owner.disposeAsync() };
}

const refuse = (word: string, reply: string) => (line: string) =>
  line.startsWith(word) ? reply : undefined;

test("a permanent refusal becomes a DSN to the sender, with what the host said", async () => {
  await using all = await hosts({ respond: refuse("RCPT", "550 5.1.1 No such user here") });
  await all.host.enqueue();
  await all.lmtp.received(1);
  const [dsn] = all.lmtp.messages;
  assert.match(dsn?.mail ?? "", /^MAIL FROM:<> /);
  assert.match(dsn?.recipients[0] ?? "", /^RCPT TO:<ann@here.example> .*NOTIFY=NEVER/);
  assert.match(dsn?.octets ?? "", /Action: failed\r\n/);
  assert.match(dsn?.octets ?? "", /Status: 5\.1\.1\r\n/);
  assert.match(dsn?.octets ?? "", /Diagnostic-Code: smtp; 550 5\.1\.1 No such user here\r\n/);
  assert.match(dsn?.octets ?? "", /Remote-MTA: dns; mx\.there\.example\r\n/);
  assert.match(dsn?.octets ?? "", /Message-ID: <1@here\.example>/);
  await all.host.until(isEmpty);
  const events = await eventsOf(all.host);
  assert.deepEqual(
    events.filter(({ messageId }) => messageId === "m1").map(({ type }) => type),
    ["attempt", "tried", "bounced", "reported"],
  );
});

test("a domain that takes no mail is a failure at once (RFC 7505)", async () => {
  await using all = await hosts();
  await all.host.enqueue({ recipients: [remote("bob@null.example")] });
  await all.lmtp.received(1);
  assert.match(all.lmtp.messages[0]?.octets ?? "", /Status: 5\.1\.10\r\n/);
  assert.equal(all.mx.sessions(), 0);
});

test("NOTIFY=NEVER and the null reverse-path are told of nothing, and the mail is dropped", async () => {
  await using all = await hosts({ respond: refuse("RCPT", "550 5.1.1 No such user here") });
  await all.host.enqueue({ recipients: [remote("bob@there.example", { notify: ["NEVER"] })] });
  await all.host.enqueue({ messageId: "m2", reversePath: "" });
  await all.host.enqueue({ messageId: "m3", reversePath: "gone@here.example" });
  await all.host.until(async (queue) => {
    const bounced = (await eventsOf(all.host)).filter(({ type }) => type === "bounced");
    return bounced.length === 3 && (await isEmpty(queue));
  });
  assert.equal(all.lmtp.messages.length, 0);
  const [bounced] = (await eventsOf(all.host)).filter(
    ({ type, messageId }) => type === "bounced" && messageId === "m2",
  );
  assert.equal(bounced?.isSenderTold, false);
});

test("mail that is late is reported once, and given up after its time with what was said last", async () => {
  await using all = await hosts({ respond: refuse("RCPT", "451 4.3.2 Not now") });
  await all.host.enqueue();
  const attempts = async () =>
    (await eventsOf(all.host)).filter(
      ({ type, messageId }) => type === "deferred" && messageId === "m1",
    ).length;
  await all.host.until(async () => (await attempts()) === 1);
  for (const [n, hours] of [4, 8, 12].entries()) {
    all.host.clock.nowMs += hours * HOUR_MS;
    all.host.wake();
    await all.host.until(async () => (await attempts()) === n + 2);
  }
  await all.lmtp.received(1);
  assert.match(all.lmtp.messages[0]?.octets ?? "", /Action: delayed\r\n/);
  all.host.clock.nowMs += 120 * HOUR_MS;
  all.host.wake();
  await all.lmtp.received(2);
  await all.host.until(isEmpty);
  assert.equal(all.lmtp.messages.length, 2, "one warning and one failure");
  assert.match(all.lmtp.messages[1]?.octets ?? "", /Action: failed\r\n/);
  assert.match(
    all.lmtp.messages[1]?.octets ?? "",
    /Diagnostic-Code: smtp; 451 4\.3\.2 Not now\r\n/,
  );
});

test("success is reported by us when the next host knows no DSN, and left to it when it does", async () => {
  const asked = [remote("bob@there.example", { notify: ["SUCCESS"] })];
  {
    await using all = await hosts();
    await all.host.enqueue({ recipients: asked });
    await all.lmtp.received(1);
    assert.match(all.lmtp.messages[0]?.octets ?? "", /Action: relayed\r\n/);
  }
  await using all = await hosts({ extensions: ["DSN"] });
  await all.host.enqueue({ recipients: asked });
  await all.mx.received(1);
  await all.host.until(isEmpty);
  assert.deepEqual(all.mx.messages[0]?.recipients, ["RCPT TO:<bob@there.example> NOTIFY=SUCCESS"]);
  assert.equal(all.lmtp.messages.length, 0);
});

test("each recipient has an end of its own, and the DSN is about the failed one only", async () => {
  await using all = await hosts({
    respond: refuse("RCPT TO:<cid@", "550 5.7.1 Not to him"),
  });
  await all.host.enqueue({
    recipients: [remote("bob@there.example"), remote("cid@there.example")],
  });
  await all.lmtp.received(1);
  await all.host.until(isEmpty);
  assert.equal(all.mx.messages.length, 1);
  const text = all.lmtp.messages[0]?.octets ?? "";
  assert.match(text, /Final-Recipient: rfc822; ?cid@there\.example/);
  assert.doesNotMatch(text, /Final-Recipient: rfc822; ?bob@there\.example/);
});

test("a DSN that cannot be queued because auth is down keeps the entry until it can", async () => {
  await using mx = await mailHost({ respond: refuse("RCPT", "550 5.1.1 No such user here") });
  await using host = await sendingHost({ zone, mxPort: mx.port, accounts, isAuthDown: true });
  await using lmtp = await mailHost({ socketPath: host.context.config.lmtp.socketPath });
  await host.start();
  await host.enqueue();
  await host.until(async (queue) => {
    const [entry] = await queue.show("m1");
    return (entry?.recipients[0]?.attempts ?? 0) > 0;
  });
  const triesBefore = mx.lines.filter((line) => line.startsWith("RCPT")).length;
  await host.startAuth();
  host.clock.nowMs += 61_000;
  host.wake();
  await lmtp.received(1);
  await host.until(isEmpty);
  const tries = mx.lines.filter((line) => line.startsWith("RCPT")).length;
  assert.equal(tries, triesBefore, "the host that refused is not asked again");
});
