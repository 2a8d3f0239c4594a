import assert from "node:assert/strict";
import { once } from "node:events";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import {
  ENVELOPE_VERSION,
  type Envelope,
  envelopeToLmtpParameters,
  LmtpPool,
  newMessageId,
  type SendOutcome,
} from "@posthouse/smtp";
import { connectTo } from "@posthouse/transcript";
import { testApp } from "./test-app.ts";

const envelopeFor = (
  recipients: readonly (readonly [address: string, original: string])[],
): Envelope => ({
  version: ENVELOPE_VERSION,
  messageId: newMessageId(Date.now()),
  receivedAtMs: Date.now(),
  client: { address: "192.0.2.1", helo: "remote.example", protocol: "ESMTP" },
  reversePath: "sender@remote.example",
  recipients: recipients.map(([address, originalAddress]) => ({
    address,
    originalAddress,
    isLocal: true,
  })),
  body: "8BITMIME",
  smtpUtf8: false,
  requireTls: false,
  priority: 0,
  verdicts: {},
});

async function handOver(pool: LmtpPool, envelope: Envelope, message: string): Promise<SendOutcome> {
  return await pool.use((session) =>
    session.send({
      ...envelopeToLmtpParameters(envelope),
      reversePath: envelope.reversePath,
      body: envelope.body,
      octets: octetsOf(message),
    }),
  );
}

async function* octetsOf(message: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(message, "latin1");
}

const poolFor = (socketPath: string): LmtpPool =>
  new LmtpPool({ socketPath, heloName: "smtp-in", sizeMax: 50, idleMs: 1000 });

const codes = (outcome: SendOutcome) => outcome.recipients.map(({ reply }) => reply.code);

test("a binary message is stored octet for octet, and a NUL that nobody announced is refused", async () => {
  await using app = await testApp();
  await using pool = poolFor(app.socketPath);
  const message = "Subject: octets\r\n\r\n\0\n.\r\n\r\xff";
  const envelope = envelopeFor([["ann@example.test", "ann@example.test"]]);
  const [plain] = (await handOver(pool, envelope, message)).recipients;
  assert.equal(plain?.reply.code, 554);
  const binary = { ...envelope, messageId: newMessageId(Date.now()), body: "BINARYMIME" } as const;
  assert.deepEqual(codes(await handOver(pool, binary, message)), [250]);
  const [stored = "", ...more] = await app.inboxOf("ann");
  assert.ok(stored.endsWith(message));
  assert.deepEqual(more, []);
});

test("a delivery begins with Return-Path, Delivered-To and X-Original-To, and is else as it came", async () => {
  await using app = await testApp();
  await using pool = poolFor(app.socketPath);
  const envelope = envelopeFor([
    ["ann@example.test", "Ann+lists@Example.test"],
    ["bob@example.test", "team@example.test"],
  ]);
  const message =
    "Received: from a by b\r\nReturn-Path: <old@remote.example>\r\n" +
    "Subject: =?utf-8?q?x?=\r\n folded\r\nreturn-path : <older@remote.example>\r\n\t(folded)\r\n" +
    "Delivered-To: someone@remote.example\r\n\r\nReturn-Path: in the body\r\n\xe4\xff\r\n";
  assert.deepEqual(codes(await handOver(pool, envelope, message)), [250, 250]);

  const rest =
    "Received: from a by b\r\nSubject: =?utf-8?q?x?=\r\n folded\r\n" +
    "Delivered-To: someone@remote.example\r\n\r\nReturn-Path: in the body\r\n\xe4\xff\r\n";
  assert.deepEqual(await app.inboxOf("ann"), [
    "Return-Path: <sender@remote.example>\r\nDelivered-To: ann@example.test\r\n" +
      `X-Original-To: Ann+lists@Example.test\r\n${rest}`,
  ]);
  assert.deepEqual(await app.inboxOf("bob"), [
    "Return-Path: <sender@remote.example>\r\nDelivered-To: bob@example.test\r\n" +
      `X-Original-To: team@example.test\r\n${rest}`,
  ]);
  assert.deepEqual(
    app.events.map(({ type, messageId, mailbox, uid }) => ({ type, messageId, mailbox, uid })),
    [0, 1].map(() => ({
      type: "delivered",
      messageId: envelope.messageId,
      mailbox: "INBOX",
      uid: 1,
    })),
  );
});

test("a hand-over that is repeated is answered again and stored once", async () => {
  await using app = await testApp();
  await using pool = poolFor(app.socketPath);
  const envelope = envelopeFor([["ann@example.test", "ann@example.test"]]);
  for (let time = 0; time < 3; time++) {
    assert.deepEqual(codes(await handOver(pool, envelope, "Subject: once\r\n\r\n")), [250]);
  }
  assert.equal((await app.inboxOf("ann")).length, 1);
});

test("an account that is named twice has one copy and two replies", async () => {
  await using app = await testApp();
  await using pool = poolFor(app.socketPath);
  const envelope = envelopeFor([
    ["ann@example.test", "first@example.test"],
    ["ann@example.test", "second@example.test"],
  ]);
  assert.deepEqual(codes(await handOver(pool, envelope, "\r\n")), [250, 250]);
  const [message, ...more] = await app.inboxOf("ann");
  assert.match(message ?? "", /X-Original-To: first@/);
  assert.deepEqual(more, []);
});

test("our own programs have resolved aliases: the socket takes accounts only", async () => {
  await using app = await testApp();
  await using pool = poolFor(app.socketPath);
  const envelope = envelopeFor([
    ["team@example.test", "team@example.test"],
    ["ann@example.test", "ann@example.test"],
  ]);
  assert.deepEqual(codes(await handOver(pool, envelope, "\r\n")), [550, 250]);
});

test("mail from a foreign MTA has a Received field of ours below the final ones", async () => {
  await using app = await testApp();
  await using pool = poolFor(app.socketPath);
  const recipients = [{ address: "team@example.test" }];
  const outcome = await pool.use((session) =>
    session.send({ reversePath: "", recipients, octets: octetsOf(" folded\r\n") }),
  );
  assert.deepEqual(codes(outcome), [250]);
  assert.match(
    (await app.inboxOf("bob"))[0] ?? "",
    /^Return-Path: <>\r\nDelivered-To: bob@example\.test\r\nX-Original-To: team@example\.test\r\nReceived: from smtp-in \(\[local\]\)\r\n\tby mail\.example\.test \(Posthouse\) with LMTP id \w+\r\n\tfor <team@example\.test>;\r\n\t[^\r]+\r\n\r\n folded\r\n$/,
  );
});

test("an envelope that cannot be read is refused", async () => {
  await using app = await testApp();
  await using pool = poolFor(app.socketPath);
  const address = "ann@example.test";
  for (const [xenvelope, xoriginal] of [["e30"], ["!"], [undefined, "+zz"]]) {
    const outcome = await pool.use((session) =>
      session.send({
        reversePath: "",
        octets: octetsOf("\r\n"),
        ...(xenvelope !== undefined && { mailParameters: { XENVELOPE: xenvelope } }),
        recipients: [
          { address, ...(xoriginal !== undefined && { parameters: { XORIGINAL: xoriginal } }) },
        ],
      }),
    );
    assert.deepEqual(
      outcome.recipients.map(({ reply }) => reply),
      [{ code: 501, enhanced: "5.5.4", text: "XENVELOPE or XORIGINAL cannot be read" }],
    );
  }
});

test("fifty sessions deliver two messages each, at the same time", async () => {
  await using app = await testApp();
  await using pool = poolFor(app.socketPath);
  const sent = Array.from({ length: 100 }, (_, at) =>
    handOver(
      pool,
      envelopeFor([["ann@example.test", `${at}@example.test`]]),
      `Subject: ${at}\r\n\r\n`,
    ),
  );
  for (const outcome of await Promise.all(sent)) assert.deepEqual(codes(outcome), [250]);
  const originals = (await app.inboxOf("ann")).map(
    (text) => /X-Original-To: (\d+)@/.exec(text)?.[1],
  );
  assert.equal(new Set(originals).size, 100);
});

test("a message beyond memory is received once for all, and leaves no file", async () => {
  await using app = await testApp();
  await using pool = poolFor(app.socketPath);
  const envelope = envelopeFor([
    ["ann@example.test", "ann@example.test"],
    ["bob@example.test", "bob@example.test"],
  ]);
  const message = `Subject: large\r\n\r\n${`${"x".repeat(900)}\r\n`.repeat(700)}`;
  assert.deepEqual(codes(await handOver(pool, envelope, message)), [250, 250]);
  for (const name of ["ann", "bob"]) assert.ok((await app.inboxOf(name))[0]?.endsWith(message));
  assert.deepEqual(await readdir(app.context.config.paths.tmp), []);
});

test("a message beyond memory for one is stored octet for octet, and told of with its size", async () => {
  await using app = await testApp();
  await using pool = poolFor(app.socketPath);
  const envelope = envelopeFor([["ann@example.test", "ann@example.test"]]);
  const message = `Return-Path: <x>\r\nSubject: large\r\n\r\n${`${"x".repeat(900)}\r\n`.repeat(700)}`;
  assert.deepEqual(codes(await handOver(pool, envelope, message)), [250]);
  const [stored = ""] = await app.inboxOf("ann");
  assert.ok(stored.endsWith(message.replace("Return-Path: <x>\r\n", "")));
  assert.deepEqual(
    app.events.map(({ sizeBytes }) => sizeBytes),
    [stored.length],
  );
});

const large = `Subject: half\r\n${`${"x".repeat(900)}\r\n`.repeat(400)}`;

/** Says this in DATA, and gives all that the server has said when the connection is closed. */
async function inData(port: number, text: string): Promise<string> {
  const socket = await connectTo({ port });
  let said = "";
  socket.on("data", (octets) => {
    const isBegun = said.includes("\r\n354 ");
    said += octets;
    if (!isBegun && said.includes("\r\n354 ")) socket.end(text);
  });
  socket.write("LHLO c\r\nMAIL FROM:<>\r\nRCPT TO:<ann@example.test>\r\nDATA\r\n");
  await once(socket, "close");
  return said;
}

test("a large message that turns out to be wrong at its end is in no mailbox, and leaves no file", async () => {
  await using app = await testApp();
  const said = await inData(app.port, `${large}lone\nline end\r\n.\r\nQUIT\r\n`);
  assert.match(said, /\r\n550 5\.6\.11 /);
  assert.deepEqual(await app.inboxOf("ann"), []);
  assert.deepEqual(await readdir(join(app.context.config.paths.mail, "example.test/ann/tmp")), []);
});

for (const [size, half] of [
  ["small", "Subject: half\r\n"],
  ["large", large],
] as const)
  test(`a client that goes in the middle of a ${size} message has delivered nothing`, async () => {
    await using app = await testApp();
    await inData(app.port, half);
    await using pool = poolFor(app.socketPath);
    await handOver(
      pool,
      envelopeFor([["ann@example.test", "ann@example.test"]]),
      "Subject: whole\r\n\r\n",
    );
    const messages = await app.inboxOf("ann");
    assert.equal(messages.length, 1);
    assert.match(messages[0] ?? "", /Subject: whole/);
    assert.deepEqual(
      await readdir(join(app.context.config.paths.mail, "example.test/ann/tmp")),
      [],
    );
  });
