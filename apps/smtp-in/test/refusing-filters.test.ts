import assert from "node:assert/strict";
import { test } from "node:test";
import { dialogue, QUEUED, submit } from "./send.ts";
import { testApp } from "./test-app.ts";

const rcpt = (name: string, reply: string) => `C: RCPT TO:<${name}@example.test>\nS: ${reply}`;
const alone = "452 4.5.3 Send to this recipient in a transaction of its own";

test("from outside, a recipient whose filter may refuse has a transaction alone", async () => {
  await using app = await testApp();
  assert.ok(app.delivery);
  app.delivery.refusing.add("bob@example.test");
  await dialogue(
    app.port("smtp"),
    `S: 220 $*
C: EHLO client.example
S: ...
S: 250 STARTTLS
C: MAIL FROM:<pat@plain.example>
S: 250 $*
${rcpt("ann", "250 $*")}
${rcpt("ann", "250 $*")}
${rcpt("bob", alone)}
C: RSET
S: 250 $*
C: MAIL FROM:<pat@plain.example>
S: 250 $*
${rcpt("bob", "250 $*")}
${rcpt("BOB", "250 $*")}
${rcpt("ann", alone)}
C: QUIT
S: 221 $*
S: <closed>`,
  );
  // A person's program would not come again: we sort it out.
  const both = ["<ann@example.test>", "<bob@example.test>"];
  const sender = "ann@example.test";
  const message = `From: ${sender}\r\nSubject: Hello\r\n\r\nHello`;
  await dialogue(app.port("submission"), submit(both, QUEUED, { sender, login: sender, message }));
});

test("without lmtp-delivery nobody's filter refuses", async () => {
  await using app = await testApp({ isDeliveryDown: true });
  await dialogue(app.port("smtp"), submit(["<ann@example.test>", "<bob@example.test>"], QUEUED));
});
