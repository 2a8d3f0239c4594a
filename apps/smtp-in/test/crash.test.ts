import assert from "node:assert/strict";
import { fork } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { testContext } from "@posthouse/service";
import type { CrashRow } from "../src/reception.ts";
import { queuedMail } from "./test-app.ts";
import { TestDelivery } from "./test-delivery.ts";

interface Row {
  readonly row: CrashRow;
  readonly handedOver: number;
  readonly queued: readonly string[][];
}

// One recipient that takes the message, one that refuses it, and one elsewhere.
const recipients = ["bob@example.test", "gone@example.test", "bob@remote.example"];
const rows: readonly Row[] = [
  { row: "A1", handedOver: 0, queued: [] },
  { row: "A2", handedOver: 0, queued: [] },
  { row: "A3", handedOver: 1, queued: [] },
  { row: "A4", handedOver: 1, queued: [["bob@remote.example"]] },
  { row: "A5", handedOver: 1, queued: [["bob@remote.example"], ["ann@example.test"]] },
];

for (const { row, handedOver, queued } of rows) {
  test(`killed at ${row} of the crash table, smtp-in leaves what the table says and has said nothing`, async () => {
    const { left, delivered } = await killedAt(row, { listener: "submission", recipients });
    assert.equal(delivered, handedOver);
    assert.deepEqual(left, queued);
  });
}

// Mail from outside that is sent on: those elsewhere have a sender of ours (SRS), so that what is tried again here is
// another entry; and so is what each list sends on.
const entries = {
  again: "sender@remote.example to full@example.test",
  elsewhere: "SRS0=test=remote.example=sender@example.test to ann@elsewhere.example",
  few: "few-bounces@example.test to bob@example.test",
  open: "open-bounces@example.test to bob@example.test",
} as const;

for (const { row, sent, left } of [
  { row: "K1", sent: "away", left: [entries.again] },
  { row: "A4", sent: "away", left: [entries.elsewhere, entries.again] },
  { row: "A2", sent: "lists", left: [] },
  { row: "K1", sent: "lists", left: [entries.few] },
  { row: "A4", sent: "lists", left: [entries.few, entries.open] },
] as const) {
  test(`killed at ${row} between several entries (${sent}), those that are ready are whole, and no other is`, async () => {
    const found = await killedAt(
      row,
      sent === "away"
        ? { listener: "smtp", recipients: ["away@example.test", "full@example.test"] }
        : { listener: "submission", recipients: ["few@example.test", "open@example.test"] },
    );
    assert.deepEqual(found.senders, left);
  });
}

interface Sent {
  readonly listener: "smtp" | "submission";
  readonly recipients: readonly string[];
}

/** Sends a message to an smtp-in that dies at this row: what is ready in the queue afterwards. */
async function killedAt(row: CrashRow, sent: Sent) {
  await using context = await testContext();
  await using delivery = await TestDelivery.listenOn(context.config.lmtp.socketPath);
  const child = fork(fileURLToPath(new URL("./crash-child.ts", import.meta.url)), [
    context.directory,
    row,
  ]);
  const exited = once(child, "exit");
  const [ports] = (await once(child, "message")) as [Record<Sent["listener"], number>];
  const said = await sendTo(ports[sent.listener], sent);
  const [, signal] = await exited;
  assert.equal(signal, "SIGKILL");
  assert.match(said, /354 [^\r]*\r\n$/);
  const mails = await queuedMail(context);
  return {
    delivered: delivery.handedOver.length,
    left: mails.map(({ envelope }) => envelope.recipients.map(({ address }) => address)),
    senders: mails
      .map(({ envelope }) => `${envelope.reversePath} to ${envelope.recipients[0]?.address}`)
      .toSorted(),
  };
}

/** Everything that the server said until it was gone. */
async function sendTo(port: number, { listener, recipients }: Sent): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  let said = "";
  let isSent = false;
  socket.on("error", () => {});
  socket.on("data", (octets) => {
    said += octets;
    if (isSent || !said.includes("\r\n354 ")) return;
    isSent = true;
    socket.write("From: ann@example.test\r\nSubject: hello\r\n\r\nHello\r\n.\r\n");
  });
  const login = Buffer.from("\0ann@example.test\0tea").toString("base64");
  const commands =
    listener === "submission"
      ? ["EHLO c", `AUTH PLAIN ${login}`, "MAIL FROM:<ann@example.test>"]
      : ["EHLO c", "MAIL FROM:<sender@remote.example>"];
  for (const recipient of recipients) commands.push(`RCPT TO:<${recipient}>`);
  socket.write(`${commands.join("\r\n")}\r\nDATA\r\n`);
  await once(socket, "close");
  return said;
}
