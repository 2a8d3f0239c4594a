import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { test } from "node:test";
import { makeSelfSignedCertificate } from "@posthouse/service";
import { mailHost } from "./mail-host.ts";
import { eventsOf, MESSAGE, remote, type SendingHost, sendingHost } from "./sending-host.ts";

const there = { mx: ["10 mx.there.example"] };
const zone = { "there.example": there, "mx.there.example": { a: ["127.0.0.1"] } };

const isEmpty = async (queue: { count(): Promise<number> }) => (await queue.count()) === 0;

test("a message goes to the MX of its domain, octet for octet, and leaves the queue", async () => {
  await using mx = await mailHost();
  await using host = await sendingHost({ zone, mxPort: mx.port });
  await host.start();
  await host.enqueue();
  await mx.received(1);
  assert.equal(mx.messages[0]?.octets, MESSAGE);
  assert.match(mx.messages[0]?.mail ?? "", /^MAIL FROM:<ann@here.example>/);
  assert.deepEqual(mx.messages[0]?.recipients, ["RCPT TO:<bob@there.example>"]);
  await host.until(isEmpty);
  assert.deepEqual(await readdir(`${host.context.config.paths.queue}/ready`), []);
});

test("what was queued while smtp-out was not running is sent when it starts", async () => {
  await using mx = await mailHost();
  await using host = await sendingHost({ zone, mxPort: mx.port });
  await host.enqueue();
  await host.start();
  await mx.received(1);
  await host.until(isEmpty);
});

test("recipients of one domain share a transaction, and messages to it share a session", async () => {
  await using mx = await mailHost();
  await using host = await sendingHost({ zone, mxPort: mx.port });
  const both = [remote("bob@there.example"), remote("cid@THERE.example")];
  await host.enqueue({ messageId: "m1", recipients: both });
  await host.enqueue({ messageId: "m2" });
  await host.start();
  await mx.received(2);
  assert.deepEqual(
    new Set(mx.messages.map(({ recipients }) => recipients.length)),
    new Set([1, 2]),
  );
  assert.equal(mx.sessions(), 1);
});

test("the host of lowest preference is tried first, and the next one when it does not answer", async () => {
  await using second = await mailHost({ address: "127.0.0.2" });
  await using host = await sendingHost({
    zone: {
      "there.example": { mx: ["20 second.example", "10 dead.example", "30 third.example"] },
      "dead.example": { a: ["127.0.0.3"] },
      "second.example": { a: ["127.0.0.2"] },
      "third.example": { a: ["127.0.0.4"] },
    },
    mxPort: second.port,
  });
  await host.start();
  await host.enqueue();
  await second.received(1);
  await host.until(isEmpty);
});

test("a domain without MX is its own mail host (RFC 5321 §5.1)", async () => {
  await using mx = await mailHost();
  await using host = await sendingHost({
    zone: { "there.example": { a: ["127.0.0.1"] } },
    mxPort: mx.port,
  });
  await host.start();
  await host.enqueue();
  await mx.received(1);
});

test("an address literal is connected to as it stands", async () => {
  await using mx = await mailHost();
  await using host = await sendingHost({ mxPort: mx.port });
  await host.start();
  await host.enqueue({ recipients: [remote("bob@[127.0.0.1]")] });
  await mx.received(1);
});

test("TLS is used when it is offered, whoever signed the certificate", async () => {
  const { key, certificate } = makeSelfSignedCertificate({
    names: ["mx.there.example"],
    notBefore: new Date(),
    days: 1,
  });
  await using mx = await mailHost({ tls: { key, cert: certificate } });
  await using host = await sendingHost({ zone, mxPort: mx.port });
  await host.start();
  await host.enqueue();
  await mx.received(1);
  assert.equal(mx.messages[0]?.isEncrypted, true);
});

test("when the handshake fails the message goes in the clear, over a new connection", async () => {
  await using mx = await mailHost({ tls: {} });
  await using host = await sendingHost({ zone, mxPort: mx.port });
  await host.start();
  await host.enqueue();
  await mx.received(1);
  assert.equal(mx.messages[0]?.isEncrypted, false);
  assert.equal(mx.sessions(), 2);
});

test("a temporary refusal is kept with its words and tried again when its time comes", async () => {
  let isGrey = true;
  await using mx = await mailHost({
    respond: (line) =>
      line.startsWith("RCPT") && isGrey ? "450 4.7.1 Come back later" : undefined,
  });
  await using host = await sendingHost({ zone, mxPort: mx.port });
  await host.start();
  await host.enqueue();
  await host.until(async (queue) => {
    const [entry] = await queue.show("m1");
    return entry?.recipients[0]?.state.kind === "waiting";
  });
  const [entry] = await host.queue.show("m1");
  assert.deepEqual(entry?.recipients[0]?.lastReply, {
    code: 450,
    enhanced: "4.7.1",
    text: "Come back later",
  });
  assert.equal(entry?.recipients[0]?.remoteHost, "mx.there.example");
  assert.equal(mx.messages.length, 0);
  isGrey = false;
  host.clock.nowMs += 300_000;
  host.wake();
  await mx.received(1);
  await host.until(isEmpty);
});

test("an attempt is kept with every host that was asked and what it said", async () => {
  await using mx = await mailHost({
    respond: (line) => (line.startsWith("RCPT") ? "450 4.7.1 Greylisted" : undefined),
  });
  await using host = await sendingHost({
    zone: {
      "there.example": { mx: ["10 dead.there.example", "20 mx.there.example"] },
      "dead.there.example": { a: ["127.0.0.9"] },
      "mx.there.example": { a: ["127.0.0.1"] },
    },
    mxPort: mx.port,
  });
  await host.start();
  await host.enqueue();
  await lastReplyOf(host);
  const [entry] = await host.queue.show("m1");
  const [attempt] = await host.queue.attempts(entry?.id ?? "");
  assert.deepEqual(
    attempt?.tries.map(({ host: name, address, tls }) => [name, address, tls]),
    [
      ["dead.there.example", "127.0.0.9", undefined],
      ["mx.there.example", "127.0.0.1", "none"],
    ],
  );
  assert.match(attempt.tries[0]?.problem ?? "", /ECONNREFUSED/);
  assert.ok(attempt.tries[1]?.dialogue.includes("< 450 4.7.1 Greylisted"));
  assert.deepEqual(attempt.answers, [
    {
      reply: { code: 450, enhanced: "4.7.1", text: "Greylisted" },
      remoteHost: "mx.there.example",
      recipients: 1,
    },
  ]);
  assert.ok((attempt.nextMs ?? 0) > host.clock.nowMs);
  const tried = (await eventsOf(host)).filter(({ type }) => type === "tried");
  assert.deepEqual(
    tried.map((event) => event.host),
    ["dead.there.example", "mx.there.example"],
  );
});

/** The last reply kept for the one recipient of m1, once it waits. */
async function lastReplyOf(host: SendingHost) {
  await host.until(async (queue) => {
    const [entry] = await queue.show("m1");
    return entry?.recipients[0]?.state.kind === "waiting";
  });
  const [entry] = await host.queue.show("m1");
  return entry?.recipients[0]?.lastReply;
}

test("a host that greets with 200 has not taken the message", async () => {
  await using mx = await mailHost({
    respond: (line) => (line === "CONNECT" ? "200 Welcome" : undefined),
  });
  await using host = await sendingHost({ zone, mxPort: mx.port });
  await host.start();
  await host.enqueue();
  assert.equal((await lastReplyOf(host))?.code, 451);
});

test("what a host did before it answered MAIL is the reason that is kept", async () => {
  await using mx = await mailHost({
    respond: (line) => (line.startsWith("MAIL") ? "abc what" : undefined),
  });
  await using host = await sendingHost({ zone, mxPort: mx.port });
  await host.start();
  await host.enqueue();
  assert.match((await lastReplyOf(host))?.text ?? "", /is not an SMTP reply/);
});

test("while lmtp-delivery is down local mail is tried again in seconds, not in minutes", async () => {
  await using host = await sendingHost();
  await host.start();
  await host.enqueue({
    recipients: [{ ...remote("ann@here.example"), isLocal: true }],
  });
  await lastReplyOf(host);
  const { socketPath } = host.context.config.lmtp;
  await using lmtp = await mailHost({ socketPath });
  host.clock.nowMs += 5000;
  host.wake();
  await lmtp.received(1);
});

test("of two recipients only the one that was put off is sent to again", async () => {
  let isGrey = true;
  await using mx = await mailHost({
    respond: (line) => (line.startsWith("RCPT TO:<cid@") && isGrey ? "450 4.2.0 Later" : undefined),
  });
  await using host = await sendingHost({ zone, mxPort: mx.port });
  await host.start();
  await host.enqueue({ recipients: [remote("bob@there.example"), remote("cid@there.example")] });
  await mx.received(1);
  await host.until(async (queue) => {
    const [entry] = await queue.show("m1");
    return entry?.recipients[1]?.state.kind === "waiting";
  });
  isGrey = false;
  host.clock.nowMs += 300_000;
  host.wake();
  await mx.received(2);
  assert.deepEqual(mx.messages[1]?.recipients, ["RCPT TO:<cid@there.example>"]);
});

test("with sending switched off mail for other hosts waits, and local mail is delivered", async () => {
  await using mx = await mailHost();
  await using host = await sendingHost({ zone, mxPort: mx.port, smtpOut: "send = false" });
  await using lmtp = await mailHost({ socketPath: host.context.config.lmtp.socketPath });
  await host.start();
  const local = remote("dora@here.example", { isLocal: true, originalAddress: "d@here.example" });
  await host.enqueue({ recipients: [remote("bob@there.example"), local] });
  await lmtp.received(1);
  assert.match(lmtp.messages[0]?.mail ?? "", / XENVELOPE=/);
  assert.deepEqual(lmtp.messages[0]?.recipients, [
    "RCPT TO:<dora@here.example> XORIGINAL=d@here.example",
  ]);
  const [entry] = await host.queue.show("m1");
  assert.equal(entry?.recipients[0]?.state.kind, "sending-is-off");
  assert.equal(mx.sessions(), 0);
});

test("close() gives back what was not sent, within its time, and the next process sends it", async () => {
  const asked = Promise.withResolvers<void>();
  let isStuck = true;
  await using mx = await mailHost({
    respond: (line) => {
      if (!isStuck || !line.startsWith("MAIL")) return undefined;
      asked.resolve();
      return new Promise(() => undefined);
    },
  });
  await using host = await sendingHost({ zone, mxPort: mx.port });
  const first = await host.start();
  await host.enqueue({ messageId: "m1" });
  await asked.promise;
  await host.enqueue({ messageId: "m2" });
  await first.close();
  isStuck = false;
  await host.start();
  await mx.received(2);
  await host.until(isEmpty);
});

test("recipients of a message at several domains with the same hosts share a transaction, and others do not", async () => {
  await using mx = await mailHost();
  await using host = await sendingHost({
    zone: {
      "a.example": { mx: ["10 mx.there.example", "20 mx2.there.example"] },
      "b.example": { mx: ["1 MX.there.example", "5 mx2.there.example"] },
      "c.example": { mx: ["10 mx2.there.example", "20 mx.there.example"] },
      "d.example": { mx: ["10 mx.there.example"] },
      "e.example": { mx: ["10 mx.there.example", "20 mx2.there.example"] },
      "dead.example": "servfail",
      "mx.there.example": { a: ["127.0.0.1"] },
      "mx2.there.example": { a: ["127.0.0.1"] },
    },
    mxPort: mx.port,
  });
  await host.start();
  const domains = ["a", "b", "c", "d", "e", "dead"].map((name) => `${name}.example`);
  const recipients = domains.map((domain) => remote(`bob@${domain}`));
  await host.enqueue({ recipients: [...recipients, remote("ghost@a.example")] });
  await mx.received(3);
  await host.until(async (queue) => {
    const [entry] = await queue.list();
    const all = entry?.recipients ?? [];
    return (
      all.length > 0 && all.every(({ state }, n) => state.kind === (n === 5 ? "waiting" : "final"))
    );
  });
  assert.deepEqual(
    new Set(
      mx.messages.map(({ recipients: all }) =>
        all
          .map((line) => line.slice(9, -1))
          .toSorted()
          .join(),
      ),
    ),
    new Set([
      "bob@a.example,bob@b.example,bob@e.example,ghost@a.example",
      "bob@c.example",
      "bob@d.example",
    ]),
  );
  const attempts = (await eventsOf(host)).filter(({ type }) => type === "attempt");
  assert.equal(attempts.length, domains.length);
});

test("each domain that shared a transaction hears of its own recipients", async () => {
  let isGrey = true;
  await using mx = await mailHost({
    respond: (line) => {
      if (line.includes("later@") && isGrey) return "450 4.7.1 Greylisted";
      return line.includes("ghost@") ? "550 5.1.1 No such user" : undefined;
    },
  });
  await using host = await sendingHost({
    zone: {
      "a.example": there,
      "b.example": there,
      "c.example": there,
      "mx.there.example": { a: ["127.0.0.1"] },
    },
    mxPort: mx.port,
  });
  await host.start();
  const recipients = ["bob@a.example", "later@b.example", "ghost@c.example", "cid@b.example"];
  await host.enqueue({ reversePath: "", recipients: recipients.map((address) => remote(address)) });
  await host.until(async (queue) => {
    const [entry] = await queue.list();
    return entry?.recipients[1]?.state.kind === "waiting";
  });
  const [entry] = await host.queue.list();
  assert.deepEqual(
    entry?.recipients.map(({ state }) => (state.kind === "final" ? state.status : state.kind)),
    ["relayed", "waiting", "failed", "relayed"],
  );
  isGrey = false;
  await host.queue.retry("m1");
  await mx.received(2);
  await host.until(isEmpty);
  assert.deepEqual(
    mx.messages.map((message) => message.recipients.length),
    [2, 1],
  );
});
