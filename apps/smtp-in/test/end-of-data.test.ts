import assert from "node:assert/strict";
import { once } from "node:events";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { QueueUnavailable } from "@posthouse/queue/writer";
import type { Envelope } from "@posthouse/smtp";
import { connectTo } from "@posthouse/transcript";
import { dialogue, QUEUED, submit } from "./send.ts";
import { queuedMail, type TestApp, testApp } from "./test-app.ts";

const addresses = (mail: {
  readonly envelope: { readonly recipients: readonly { readonly address: string }[] };
}) => mail.envelope.recipients.map(({ address }) => address);

test("a message for an account here is handed over at once, with its envelope and a Received field", async () => {
  await using app = await testApp();
  const said = await dialogue(
    app.port("smtp"),
    submit(["<ann+news@example.test>"], QUEUED, { message: "Subject: hello\r\n\r\n..Hello" }),
  );
  const [mail] = app.delivery?.handedOver ?? [];
  assert.ok(mail);
  assert.equal(mail.envelope.messageId, said.get("id"));
  assert.equal(mail.envelope.reversePath, "sender@remote.example");
  assert.equal(mail.envelope.client.address, "127.0.0.1");
  assert.deepEqual(mail.envelope.recipients, [
    { address: "ann@example.test", originalAddress: "ann+news@example.test", isLocal: true },
  ]);
  assert.match(
    mail.message,
    new RegExp(
      "^Received: from client\\.example \\(\\[127\\.0\\.0\\.1\\]\\)\\r\\n" +
        `\\tby mail\\.example\\.test \\(Posthouse\\) with ESMTP id ${said.get("id")}\\r\\n` +
        "\\tfor <ann\\+news@example\\.test>;\\r\\n" +
        "\\t\\w{3}, \\d\\d \\w{3} \\d{4} \\d\\d:\\d\\d:\\d\\d \\+0000\\r\\n" +
        "Subject: hello\\r\\n\\r\\n\\.Hello\\r\\n$",
    ),
  );
  assert.deepEqual(await queuedMail(app.context), []);
  assert.deepEqual(
    app.events.map(({ type }) => type),
    ["handed-over", "accepted"],
  );
});

/** Sends a message as BODY=BINARYMIME to away@; all that the server says. */
async function sendBinary(app: TestApp, message: string): Promise<string> {
  const socket = await connectTo({ port: app.port("smtp") });
  let said = "";
  socket.on("data", (octets) => {
    said += octets;
  });
  socket.write(
    "EHLO c\r\nMAIL FROM:<sam@remote.example> BODY=BINARYMIME\r\nRCPT TO:<away@example.test>\r\n" +
      `BDAT ${message.length} LAST\r\n`,
  );
  socket.write(Buffer.from(message, "latin1"));
  socket.write("QUIT\r\n");
  await once(socket, "close");
  return said;
}

test("a binary message is handed over octet for octet, and so it is queued for elsewhere", async () => {
  await using app = await testApp();
  const message = "Subject: octets\r\nContent-Transfer-Encoding: binary\r\n\r\n\0\n.\r\n\r\xff";
  assert.match(await sendBinary(app, message), /250 2\.0\.0 Ok: queued as \w+\r\n221 /);
  const queued = await queuedMail(app.context);
  for (const mail of [...(app.delivery?.handedOver ?? []), ...queued]) {
    assert.equal(mail.envelope.body, "BINARYMIME");
    assert.ok(mail.message.endsWith(`\r\n${message}`));
  }
  assert.deepEqual([app.delivery?.handedOver.length, queued.length], [1, 1]);
});

for (const [name, header] of [
  ["a lone LF", "Subject: x\nFrom: <ceo@bank.example>\r\n"],
  ["a lone CR", "Subject: x\rFrom: <ceo@bank.example>\r\n"],
  ["a NUL", "Subject: x\0\r\n"],
] as const) {
  test(`${name} in the header of a binary message is refused`, async () => {
    await using app = await testApp();
    assert.match(
      await sendBinary(app, `${header}\r\n\0`),
      /550 5\.6\.11 The header has .*\r\n221 /,
    );
    assert.equal(app.delivery?.handedOver.length, 0);
  });
}

test("with several recipients Received names none of them, and each account has one copy", async () => {
  await using app = await testApp();
  await dialogue(app.port("smtp"), submit(["<team@example.test>", "<ann@example.test>"], QUEUED));
  const [mail, ...more] = app.delivery?.handedOver ?? [];
  assert.ok(mail);
  assert.deepEqual(addresses(mail), ["ann@example.test", "bob@example.test"]);
  assert.doesNotMatch(mail.message, /\tfor </);
  assert.deepEqual(more, []);
});

test("an alias with an address elsewhere goes to both: one handed over, one queued", async () => {
  await using app = await testApp();
  const said = await dialogue(app.port("smtp"), submit(["<away@example.test>"], QUEUED));
  assert.deepEqual(app.delivery?.handedOver.map(addresses), [["ann@example.test"]]);
  const [mail, ...more] = await queuedMail(app.context);
  assert.ok(mail);
  assert.deepEqual(addresses(mail), ["ann@elsewhere.example"]);
  assert.equal(mail.envelope.messageId, said.get("id"));
  assert.deepEqual(more, []);
});

test("mail waits in the queue when lmtp-delivery is down, and the client hears 250", async () => {
  await using app = await testApp({ isDeliveryDown: true });
  await dialogue(app.port("smtp"), submit(["<ann@example.test>"], QUEUED));
  const [mail] = await queuedMail(app.context);
  assert.ok(mail);
  assert.deepEqual(mail.envelope.recipients, [
    { address: "ann@example.test", originalAddress: "ann@example.test", isLocal: true },
  ]);
  assert.match(mail.message, /^Received: .*\r\nSubject: hello\r\n\r\nHello\r\n$/s);
});

test("mail waits in the queue when lmtp-delivery is slow, under the id that it may have already", async () => {
  const over = Promise.withResolvers<void>();
  await using app = await testApp({ handOverMs: 50 });
  assert.ok(app.delivery);
  app.delivery.pause = over.promise;
  const said = await dialogue(app.port("smtp"), submit(["<ann@example.test>"], QUEUED));
  over.resolve();
  const [mail] = await queuedMail(app.context);
  assert.equal(mail?.envelope.messageId, said.get("id"));
});

test("a hand-over that ran out of time on a warm session is not begun again on a new one", async () => {
  await using app = await testApp({ handOverMs: 200 });
  const { delivery } = app;
  assert.ok(delivery);
  await dialogue(app.port("smtp"), submit(["<ann@example.test>"], QUEUED));
  const over = Promise.withResolvers<void>();
  delivery.pauseBeforeMail = over.promise;
  await dialogue(app.port("smtp"), submit(["<ann@example.test>"], QUEUED));
  over.resolve();
  assert.equal(delivery.sessions, 1);
  assert.equal((await queuedMail(app.context)).length, 1);
});

const full = "452 4.2.2 Mailbox is full";
const gone = "550 5.2.1 Mailbox is disabled";

test("when all recipients are refused alike, that is the answer and nothing is kept", async () => {
  await using app = await testApp();
  const port = app.port("smtp");
  await dialogue(port, submit(["<full@example.test>"], full));
  await dialogue(port, submit(["<gone@example.test>"], gone));
  assert.deepEqual(await queuedMail(app.context), []);
  const refused = app.events.filter(({ type }) => type === "refused");
  assert.deepEqual(
    refused.map(({ reply }) => reply),
    [full, gone],
  );
});

test("a temporary refusal of one recipient is retried from the queue when another has the message", async () => {
  await using app = await testApp();
  await dialogue(app.port("smtp"), submit(["<full@example.test>", "<ann@example.test>"], QUEUED));
  assert.deepEqual((await queuedMail(app.context)).map(addresses), [["full@example.test"]]);
});

test("a temporary refusal is retried for a person, whose program cannot come back", async () => {
  await using app = await testApp();
  const who = { sender: "ann@example.test", login: "ann@example.test" };
  await dialogue(app.port("submission"), submit(["<full@example.test>"], QUEUED, who));
  assert.deepEqual((await queuedMail(app.context)).map(addresses), [["full@example.test"]]);
});

test("a permanent refusal beside a success is told to a sender who logged in", async () => {
  await using app = await testApp();
  const who = { sender: "team@example.test", login: "ann@example.test" };
  const recipients = ["<gone@example.test>", "<bob@example.test>", "<bob@remote.example>"];
  await dialogue(app.port("submission"), submit(recipients, QUEUED, who));
  const [mail, notice, ...more] = await queuedMail(app.context);
  assert.deepEqual(more, []);
  assert.ok(mail && notice);
  assert.deepEqual(addresses(mail), ["bob@remote.example"]);
  assert.equal(notice.envelope.reversePath, "");
  assert.deepEqual(notice.envelope.recipients, [
    {
      address: "ann@example.test",
      originalAddress: "team@example.test",
      isLocal: true,
      notify: ["NEVER"],
    },
  ]);
  assert.match(notice.message, /\r\nAction: failed\r\nStatus: 5\.2\.1\r\n/);
  assert.match(notice.message, /gone@example\.test/);
});

test("a permanent refusal beside a success is told to postmaster when nobody proved to be the sender", async () => {
  await using app = await testApp();
  await dialogue(app.port("smtp"), submit(["<gone@example.test>", "<bob@example.test>"], QUEUED));
  const [notice, ...more] = await queuedMail(app.context);
  assert.deepEqual(more, []);
  assert.ok(notice);
  assert.deepEqual(addresses(notice), ["ann@example.test"]);
  assert.equal(notice.envelope.recipients[0]?.originalAddress, "postmaster@mail.example.test");
});

test("NOTIFY=NEVER is kept to, and NOTIFY=SUCCESS is answered for mail handed over", async () => {
  await using app = await testApp();
  const who = { sender: "ann@example.test", login: "ann@example.test" };
  const recipients = ["<gone@example.test> NOTIFY=NEVER", "<bob@example.test> NOTIFY=SUCCESS"];
  await dialogue(app.port("submission"), submit(recipients, QUEUED, who));
  const [notice, ...more] = await queuedMail(app.context);
  assert.deepEqual(more, []);
  assert.ok(notice);
  assert.match(notice.message, /\r\nAction: delivered\r\n/);
  assert.doesNotMatch(notice.message, /gone@/);
});

test("a queue that cannot write is 452, and nothing is handed over before it", async () => {
  const queue = {
    begin: () => Promise.reject(new QueueUnavailable("Cannot write: disk is full")),
    [Symbol.asyncDispose]: async () => {},
  };
  await using app = await testApp({ queue });
  const who = { sender: "ann@example.test", login: "ann@example.test" };
  const recipients = ["<bob@example.test>", "<bob@remote.example>"];
  const reply = "452 4.3.1 Cannot store mail now, try again later";
  await dialogue(app.port("submission"), submit(recipients, reply, who));
  assert.deepEqual(app.delivery?.handedOver, []);
});

test("a submission is given the Date and the Message-ID that it lacks, and mail from outside is not", async () => {
  await using app = await testApp();
  const who = { sender: "ann@example.test", login: "ann@example.test" };
  const port = app.port("submission");
  const said = await dialogue(port, submit(["<bob@example.test>"], QUEUED, who));
  const complete =
    "From: ann@example.test\r\nDate: Sun, 22 Nov 2026 06:00:00 +0000\r\nmessage-id: <a@b>\r\n\r\nHello";
  await dialogue(port, submit(["<bob@example.test>"], QUEUED, { ...who, message: complete }));
  await dialogue(app.port("smtp"), submit(["<bob@example.test>"], QUEUED));
  const [lacking, whole, outside] = app.delivery?.handedOver ?? [];
  assert.match(
    lacking?.message ?? "",
    new RegExp(
      `\\r\\nDate: [^\\r]+\\r\\nMessage-ID: <${said.get("id")}@mail\\.example\\.test>\\r\\nFrom: <ann@example\\.test>\\r\\nSubject: hello\\r\\n`,
    ),
  );
  assert.match(lacking?.message ?? "", /with ESMTPA id/);
  assert.match(
    whole?.message ?? "",
    /\+0000\r\nFrom: ann@example\.test\r\nDate: Sun, 22 Nov 2026 06:00:00 \+0000\r\nmessage-id: <a@b>\r\n\r\nHello/,
  );
  assert.doesNotMatch(outside?.message ?? "", /^(?:Date|Message-ID):/im);
});

test("a submission loses its Bcc fields, and mail from outside keeps all of its octets", async () => {
  await using app = await testApp();
  const who = { sender: "ann@example.test", login: "ann@example.test" };
  const message =
    "Bcc: secret@x.example,\r\n other@x.example\r\nSubject: x\r\nresent-bcc: s@x.example\r\n\r\nBcc: body";
  const recipients = ["<ann@example.test>", "<bob@example.test>"];
  await dialogue(app.port("submission"), submit(recipients, QUEUED, { ...who, message }));
  await dialogue(app.port("smtp"), submit(recipients, QUEUED, { message }));
  const [submitted, outside] = app.delivery?.handedOver ?? [];
  assert.match(submitted?.message ?? "", /\r\nSubject: x\r\n\r\nBcc: body\r\n$/);
  assert.doesNotMatch(submitted?.message ?? "", /x\.example/);
  assert.ok(outside?.message.endsWith(`+0000\r\n${message}\r\n`));
});

test("one remote address in two spellings of its domain is one recipient", async () => {
  await using app = await testApp();
  const who = { sender: "ann@example.test", login: "ann@example.test" };
  const recipients = ["<Bob@remote.example>", "<Bob@REMOTE.Example>", "<bob@remote.example>"];
  await dialogue(app.port("submission"), submit(recipients, QUEUED, who));
  const [mail] = await queuedMail(app.context);
  assert.ok(mail);
  assert.deepEqual(addresses(mail), ["Bob@remote.example", "bob@remote.example"]);
});

test("a message without header does not become part of ours", async () => {
  await using app = await testApp();
  const message = "Hello Bob\r\nNote: nothing";
  await dialogue(app.port("smtp"), submit(["<ann@example.test>"], QUEUED, { message }));
  assert.ok(app.delivery?.handedOver[0]?.message.endsWith(`+0000\r\n\r\n${message}\r\n`));
});

test("a message that begins with a blank does not become part of our Received field", async () => {
  await using app = await testApp();
  await dialogue(
    app.port("smtp"),
    submit(["<ann@example.test>"], QUEUED, { message: " evil\r\n\r\nx" }),
  );
  assert.match(app.delivery?.handedOver[0]?.message ?? "", /\+0000\r\n\r\n evil\r\n\r\nx\r\n$/);
});

test("what was accepted, what was refused and who connected is counted", async () => {
  await using app = await testApp();
  await dialogue(app.port("smtp"), submit(["<ann@example.test>"], QUEUED));
  await dialogue(app.port("smtp"), submit(["<gone@example.test>"], gone));
  const text = await app.context.metrics.text();
  assert.match(text, /^posthouse_smtp_in_messages_accepted_total\{.*\} 1$/m);
  assert.match(text, /^posthouse_smtp_in_accepted_bytes_total\{.*\} 25$/m);
  assert.match(text, /^posthouse_smtp_in_refusals_total\{class="5yz".*\} 1$/m);
  assert.match(text, /^posthouse_smtp_in_connections_total\{listener="smtp".*\} 2$/m);
});

test("a message of more than fifty hops goes in circles", async () => {
  await using app = await testApp();
  const hops = (count: number) => `${"Received: from a by b\r\n".repeat(count)}\r\nx`;
  const loop = "554 5.4.6 Too many hops: this message goes in circles";
  await dialogue(app.port("smtp"), submit(["<ann@example.test>"], loop, { message: hops(51) }));
  await dialogue(app.port("smtp"), submit(["<ann@example.test>"], QUEUED, { message: hops(50) }));
  assert.equal(app.delivery?.handedOver.length, 1);
});

test("a large message goes through a file without a name, whole and once", async () => {
  await using app = await testApp();
  const message = `Subject: large\r\n\r\n${`${"x".repeat(900)}\r\n`.repeat(700)}end`;
  await dialogue(app.port("smtp"), submit(["<ann@example.test>"], QUEUED, { message }));
  const [mail] = app.delivery?.handedOver ?? [];
  assert.ok(mail?.message.endsWith(`${message}\r\n`));
  assert.deepEqual(await readdir(app.context.config.paths.tmp), []);
});

test("what is held for later waits in the queue, also for people here, and says what was asked for", async () => {
  await using app = await testApp();
  const login = Buffer.from("\0ann@example.test\0tea").toString("base64");
  const before = Date.now();
  await dialogue(
    app.port("submission"),
    `S: 220 $*
C: EHLO client.example
S: ...
S: 250 AUTH SCRAM-SHA-256 PLAIN LOGIN
C: AUTH PLAIN ${login}
S: 235 $*
C: MAIL FROM:<ann@example.test> HOLDFOR=1 BY=600;NT MT-PRIORITY=4
S: 250 $*
C: RCPT TO:<bob@example.test>
S: 250 $*
C: DATA
S: 354 $*
C: Subject: Later
C: 
C: Good morning
C: .
S: 250 2.0.0 Ok: queued as $id
C: QUIT
S: 221 $*
S: <closed>`,
  );
  assert.deepEqual(app.delivery?.handedOver, []);
  const name = (await readdir(join(app.context.config.paths.queue, "ready")))[0] ?? "";
  const file = await readFile(join(app.context.config.paths.queue, "ready", name), "utf8");
  const envelope = JSON.parse(/\{"version".*?"verdicts":\{\}\}/.exec(file)?.[0] ?? "") as Envelope;
  assert.ok((envelope.holdUntilMs ?? 0) >= before + 1000);
  assert.equal(envelope.priority, 4);
  assert.equal(envelope.deliverBy?.mode, "N");
  assert.equal(envelope.deliverBy?.trace, true);
  assert.match(file, /\tfor <bob@example\.test>\r\n\tpriority 4;/);
});
