import assert from "node:assert/strict";
import { createServer } from "node:net";
import { test } from "node:test";
import { SmtpConnectionError, SmtpProtocolError, type SmtpTimeouts } from "@posthouse/smtp";
import { connectTo, message, octetsOf } from "./example-message.ts";
import { listening, type Script, scriptedServer } from "./scripted-server.ts";

const whole: Script = [
  "S: 220 mx.b.test",
  "C: EHLO client.test",
  "S: 250 mx.b.test",
  "C: MAIL FROM:<ann@a.test>",
  "S: 250 Ok",
  "C: RCPT TO:<bob@b.test>",
  "S: 250 Ok",
  "C: DATA",
  "S: 354 Go ahead",
  "C: Subject: hi",
  "C: ",
  "C: hello",
  "C: .",
];

const quick: Partial<SmtpTimeouts> = {
  greetingMs: 30,
  commandMs: 30,
  mailMs: 30,
  rcptMs: 30,
  dataMs: 30,
  endOfDataMs: 30,
};

const phases = [
  { phase: "greeting", steps: 0 },
  { phase: "hello", steps: 2 },
  { phase: "mail", steps: 4 },
  { phase: "rcpt", steps: 6 },
  { phase: "data", steps: 8 },
  { phase: "end-of-data", steps: 13 },
];

const connectionError = async (work: Promise<unknown>): Promise<SmtpConnectionError> => {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof SmtpConnectionError, `no SmtpConnectionError but ${String(error)}`);
  return error;
};

const sendOver = async (port: number): Promise<void> => {
  const session = await connectTo(port, { timeouts: quick });
  await session.send(message()).finally(() => assert.equal(session.isUsable, false));
};

for (const { phase, steps } of phases) {
  for (const end of ["close", "hang"]) {
    test(`a server that does "${end}" in phase ${phase} is a transient error that says so`, async () => {
      await using server = await scriptedServer([...whole.slice(0, steps), end]);
      const error = await connectionError(sendOver(server.port));
      assert.equal(error.phase, phase);
      assert.equal(error.isTransient, true);
      assert.equal(error.isOutcomeUnknown, phase === "end-of-data");
      assert.equal(error.toReply().enhanced, "4.4.2");
    });

    test(`garbage in phase ${phase}, then "${end}", is a protocol error`, async () => {
      await using server = await scriptedServer([
        ...whole.slice(0, steps),
        "S: HTTP/1.1 200 OK",
        end,
      ]);
      const error = await connectionError(sendOver(server.port));
      assert.ok(error instanceof SmtpProtocolError);
      assert.equal(error.phase, phase);
      assert.equal(error.toReply().enhanced, "4.5.0");
    });
  }
}

const nonsense = [
  { name: "a line of 5,000 octets", line: `220 ${"x".repeat(5000)}` },
  { name: "5,000 octets without a line end", line: `220-${"x".repeat(5000)}` },
  { name: "a reply of 1,000 lines", line: "220-x\r\n".repeat(1000) },
  { name: "a reply whose lines differ in their code", line: "220-x\r\n250 y" },
  { name: "a code of two digits", line: "22 x" },
  { name: "a code above 599", line: "620 x" },
  { name: "NUL", line: "\0" },
];
for (const { name, line } of nonsense) {
  test(`${name} is a protocol error`, async () => {
    await using server = await scriptedServer([`S: ${line}`, "hang"]);
    const error = await connectionError(connectTo(server.port));
    assert.ok(error instanceof SmtpProtocolError);
  });
}

test("354 to RCPT, and 250 to DATA, are protocol errors", async () => {
  await using rcpt = await scriptedServer([...whole.slice(0, 6), "S: 354 Go", "hang"]);
  assert.equal((await connectionError(sendOver(rcpt.port))).phase, "rcpt");
  await using data = await scriptedServer([...whole.slice(0, 8), "S: 250 Ok", "hang"]);
  assert.equal((await connectionError(sendOver(data.port))).phase, "data");
});

test("a port where nobody listens is a transient error in phase connect", async () => {
  const server = createServer();
  const port = await listening(server);
  server.close();
  const error = await connectionError(connectTo(port));
  assert.deepEqual(
    [error.phase, error.isTransient, error.toReply().enhanced],
    ["connect", true, "4.4.1"],
  );
});

test("a server that refuses in its greeting is permanent with 554 and transient with 421", async () => {
  for (const { line, isTransient } of [
    { line: "554 5.7.1 Not you", isTransient: false },
    { line: "421 4.3.2 Later", isTransient: true },
  ]) {
    await using server = await scriptedServer([`S: ${line}`, "close"]);
    const error = await connectionError(connectTo(server.port));
    assert.equal(error.phase, "greeting");
    assert.equal(error.isTransient, isTransient);
    assert.equal(error.toReply().code, Number(line.slice(0, 3)));
  }
});

test("a positive reply in the wrong place is a failure, and never one that reads as success", async () => {
  for (const { script, phase } of [
    { script: ["S: 200 Welcome", "close"], phase: "greeting" },
    { script: ["S: 220 mx", "C: EHLO client.test", "S: 220 mx again", "close"], phase: "hello" },
  ]) {
    await using server = await scriptedServer(script);
    const error = await connectionError(connectTo(server.port));
    assert.deepEqual([error.phase, error.isTransient, error.toReply().code], [phase, true, 451]);
  }
});

test("what was answered before the connection died is kept in the error", async () => {
  await using server = await scriptedServer([
    "S: 220 lmtp",
    "C: LHLO client.test",
    "S: 250-lmtp\r\n250 PIPELINING",
    "C: MAIL FROM:<ann@a.test>",
    "C: RCPT TO:<bob@b.test>",
    "C: RCPT TO:<cyd@b.test>",
    "C: RCPT TO:<dan@b.test>",
    "C: DATA",
    "S: 250 Ok\r\n550 5.1.1 No\r\n250 Ok\r\n250 Ok\r\n354 Go ahead",
    "C: Subject: hi",
    "C: ",
    "C: hello",
    "C: .",
    "S: 250 2.0.0 Kept",
    "close",
  ]);
  const session = await connectTo(server.port, { flavour: "lmtp" });
  const recipients = ["bob", "cyd", "dan"].map((name) => ({ address: `${name}@b.test` }));
  const error = await connectionError(session.send(message({ recipients })));
  assert.equal(error.isOutcomeUnknown, true);
  assert.deepEqual(
    error.recipients.map((answer) => answer?.reply.code),
    [550, 250, undefined],
  );
});

test("when the message cannot be read on, the data does not end with a dot", async () => {
  await using server = await scriptedServer([...whole.slice(0, 10), "C: (the end)"]);
  const session = await connectTo(server.port);
  async function* broken(): AsyncGenerator<Uint8Array> {
    yield Buffer.from("Subject: hi\r\n");
    yield Buffer.from("\r\n");
    throw new RangeError("the spool is gone");
  }
  await assert.rejects(session.send(message({ octets: broken() })), RangeError);
  assert.equal(session.isUsable, false);
  await server.played;
});

test("a server that refuses in the middle of the data and hangs up is believed", async () => {
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    socket.write("220 mx\r\n");
    let said = "";
    socket.on("data", (octets: Buffer) => {
      said = (said + octets.toString("latin1")).slice(-100);
      if (/EHLO .*\r\n$/.test(said)) socket.write("250-mx\r\n250 PIPELINING\r\n");
      if (!/DATA\r\n/.test(said)) return;
      socket.pause();
      socket.write("250 Ok\r\n250 Ok\r\n354 Go\r\n552 5.3.4 Too much\r\n", () => socket.destroy());
    });
  });
  const session = await connectTo(await listening(server));
  async function* endless(): AsyncGenerator<Uint8Array> {
    for (;;) yield Buffer.alloc(65_536, "x");
  }
  const outcome = await session.send(message({ octets: endless() }));
  assert.deepEqual(
    outcome.recipients.map(({ reply }) => reply.enhanced),
    ["5.3.4"],
  );
  assert.equal(session.isUsable, false);
  server.close();
});

test("a session that was idle and is told 421 fails before the message is touched", async () => {
  await using server = await scriptedServer([
    ...whole,
    "S: 250 Ok",
    "C: MAIL FROM:<ann@a.test>",
    "S: 421 4.4.2 Idle for too long",
    "close",
  ]);
  const session = await connectTo(server.port);
  await session.send(message());
  async function* untouched(): AsyncGenerator<Uint8Array> {
    yield await Promise.reject(new Error("the message was read"));
  }
  const error = await connectionError(session.send(message({ octets: untouched() })));
  assert.deepEqual([error.phase, error.reply?.code], ["mail", 421]);
});

test("quit() and close() never throw, not even twice or on a dead session", async () => {
  await using server = await scriptedServer([...whole.slice(0, 3), "close"]);
  const session = await connectTo(server.port, { timeouts: { quitMs: 30 } });
  await session.quit();
  await session.quit();
  session.close();
  const error = await connectionError(session.send(message({ octets: octetsOf("x") })));
  assert.equal(error.phase, "mail");
});
