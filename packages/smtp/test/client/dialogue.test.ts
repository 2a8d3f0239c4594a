import assert from "node:assert/strict";
import { test } from "node:test";
import { SmtpConnectionError } from "@posthouse/smtp";
import { connectTo, message } from "./example-message.ts";
import { type Script, scriptedServer } from "./scripted-server.ts";

const opening: Script = ["S: 220 mx.b.test", "C: EHLO client.test", "S: 250-mx.b.test\r\n250 DSN"];

test("a session has its last lines, and the next transaction its own", async () => {
  const transaction = (reply: string): Script => [
    "C: MAIL FROM:<ann@a.test>",
    "S: 250 2.1.0 Ok",
    "C: RCPT TO:<bob@b.test>",
    `S: ${reply}`,
  ];
  await using server = await scriptedServer([
    ...opening,
    ...transaction("450-4.2.0 Greylisted\r\n450 4.2.0 Later"),
    "C: RSET",
    "S: 250 Ok",
    ...transaction("550 5.1.1 Nobody"),
  ]);
  const session = await connectTo(server.port);
  await session.send(message());
  assert.deepEqual(session.dialogue, [
    "< 220 mx.b.test",
    "> EHLO client.test",
    "< 250 mx.b.test / DSN",
    "> MAIL FROM:<ann@a.test>",
    "< 250 2.1.0 Ok",
    "> RCPT TO:<bob@b.test>",
    "< 450 4.2.0 Greylisted / Later",
  ]);
  await session.send(message());
  assert.deepEqual(session.dialogue, [
    "> RSET",
    "< 250 Ok",
    "> MAIL FROM:<ann@a.test>",
    "< 250 2.1.0 Ok",
    "> RCPT TO:<bob@b.test>",
    "< 550 5.1.1 Nobody",
  ]);
  session.close();
});

test("a session that never came to be says in its error how far it came", async () => {
  await using server = await scriptedServer([
    "S: 220 mx.b.test",
    "C: EHLO client.test",
    "S: 421 4.3.2 Closing",
  ]);
  const error = await connectTo(server.port).catch((reason: unknown) => reason);
  assert.ok(error instanceof SmtpConnectionError);
  assert.deepEqual(error.dialogue, [
    "< 220 mx.b.test",
    "> EHLO client.test",
    "< 421 4.3.2 Closing",
  ]);
});

test("a password is never among the lines", async () => {
  await using server = await scriptedServer([
    "S: 220 mx.b.test",
    "C: EHLO client.test",
    "S: 250-mx.b.test\r\n250 AUTH PLAIN",
    `C: AUTH PLAIN ${Buffer.from("\0ann\0secret").toString("base64")}`,
    "S: 535 5.7.8 No",
  ]);
  const session = await connectTo(server.port);
  await session.auth({ username: "ann", password: "secret", isPlaintextAllowed: true });
  assert.deepEqual(session.dialogue.slice(-2), ["> (credentials)", "< 535 5.7.8 No"]);
  session.close();
});

test("of long lines and long dialogues the beginning and the end are kept", async () => {
  const recipients = Array.from({ length: 40 }, (_, n) => ({ address: `r${n}@b.test` }));
  const asked = recipients.flatMap(({ address }, n) => [
    `C: RCPT TO:<${address}>`,
    `S: 550 5.1.1 ${n} ${"x".repeat(2000)}`,
  ]);
  await using server = await scriptedServer([
    ...opening,
    "C: MAIL FROM:<ann@a.test>",
    "S: 250 2.1.0 Ok",
    ...asked,
  ]);
  const session = await connectTo(server.port);
  await session.send(message({ recipients }));
  assert.equal(session.dialogue.length, 16);
  const last = session.dialogue.at(-1) ?? "";
  assert.match(last, /^< 550 5\.1\.1 39 x+ …$/);
  assert.ok(last.length < 600);
  session.close();
});
