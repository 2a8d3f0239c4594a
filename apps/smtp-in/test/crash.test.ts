import assert from "node:assert/strict";
import { type ChildProcess, fork } from "node:child_process";
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
    await using context = await testContext();
    await using delivery = await TestDelivery.listenOn(context.config.lmtp.socketPath);
    const child = fork(fileURLToPath(new URL("./crash-child.ts", import.meta.url)), [
      context.directory,
      row,
    ]);
    const exited = once(child, "exit");
    const said = await sendTo(await portOf(child));
    const [, signal] = await exited;
    assert.equal(signal, "SIGKILL");
    assert.match(said, /354 [^\r]*\r\n$/);

    assert.equal(delivery.handedOver.length, handedOver);
    const left = await queuedMail(context);
    assert.deepEqual(
      left.map(({ envelope }) => envelope.recipients.map(({ address }) => address)),
      queued,
    );
  });
}

async function portOf(child: ChildProcess): Promise<number> {
  const [port] = (await once(child, "message")) as [number];
  return port;
}

/** Everything that the server said until it was gone. */
async function sendTo(port: number): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  let said = "";
  let isSent = false;
  socket.on("error", () => {});
  socket.on("data", (octets) => {
    said += octets;
    if (isSent || !said.includes("\r\n354 ")) return;
    isSent = true;
    socket.write("Subject: hello\r\n\r\nHello\r\n.\r\n");
  });
  const login = Buffer.from("\0ann@example.test\0tea").toString("base64");
  const commands = ["EHLO c", `AUTH PLAIN ${login}`, "MAIL FROM:<ann@example.test>"];
  for (const recipient of recipients) commands.push(`RCPT TO:<${recipient}>`);
  socket.write(`${commands.join("\r\n")}\r\nDATA\r\n`);
  await once(socket, "close");
  return said;
}
