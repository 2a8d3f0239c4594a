import assert from "node:assert/strict";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { freePort } from "@posthouse/test-tools";
import { exim, makeExim } from "./exim.ts";
import { Inbox } from "./inbox.ts";
import { type Postfix, startPostfix } from "./postfix.ts";
import { whatIsMissing } from "./program.ts";
import { SmtpDialogue } from "./smtp-dialogue.ts";
import { type Suite, startSuite } from "./suite.ts";

/** Another mail server keeps the ports, and delivers into our mailboxes: over TCP for alice, over the socket for bob. */
const alice = "alice@example.test";
const bob = "bob@example.test";
const ghost = "ghost@example.test";
const sender = "ann@remote.test";

const missing = whatIsMissing("postfix", exim);
const skip = process.getuid?.() === 0 ? (missing ?? false) : "Postfix and Exim take root";

const messageOf = (subject: string) =>
  Buffer.from(
    `From: Ann <${sender}>\r\nTo: ${alice}\r\nSubject: ${subject}\r\nDate: Mon, 2 Mar 2026 10:00:00 +0000\r\nMessage-ID: <${subject}@remote.test>\r\n\r\nGrüße\r\n.\r\n..\r\n`,
  );

describe("a foreign mail server in front of lmtp-delivery", { skip }, () => {
  let suite: Suite;
  let home: string;
  let socket: string;
  let postfix: Postfix | undefined;
  let ofAlice: Inbox;
  let ofBob: Inbox;

  before(async () => {
    suite = await startSuite();
    home = await mkdtemp(join(tmpdir(), "posthouse-mta-"));
    await chmod(home, 0o755);
    socket = join(suite.directory, "run", "lmtp.sock");
    // An installation puts the server's user into the group posthouse; here everybody may.
    await chmod(suite.directory, 0o711);
    await chmod(join(suite.directory, "run"), 0o711);
    await chmod(socket, 0o666);
    ofAlice = await Inbox.open(suite.portOf("imap"), alice, "posthouse");
    ofBob = await Inbox.open(suite.portOf("imap"), bob, "posthouse");
  });
  after(async () => {
    await postfix?.stop();
    ofAlice?.[Symbol.dispose]();
    ofBob?.[Symbol.dispose]();
    await suite?.[Symbol.asyncDispose]();
    await rm(home, { recursive: true, force: true });
  });

  /** Behind the fields of the trace, ours on top, octet for octet. */
  function assertArrived(arrived: Buffer | undefined, sent: Buffer, to: string): void {
    const text = arrived?.toString("latin1") ?? "";
    assert.ok(
      text.startsWith(
        `Return-Path: <${sender}>\r\nDelivered-To: ${to}\r\nX-Original-To: ${to}\r\nReceived: `,
      ),
      text,
    );
    assert.equal(text.slice(-sent.length), sent.toString("latin1"));
  }

  test("Postfix delivers by its LMTP client, and returns what we refuse", async () => {
    const port = await freePort();
    postfix = await startPostfix({
      directory: join(home, "postfix"),
      address: "127.0.0.1",
      port,
      settings: `
myhostname = mx.example.test
mynetworks = 127.0.0.0/8
virtual_mailbox_domains = example.test
virtual_transport = lmtp:inet:127.0.0.1:${suite.portOf("lmtp")}
transport_maps = inline:{{${bob} = lmtp:unix:${socket}}}
`,
    });
    const octets = messageOf("by-postfix");
    using smtp = await SmtpDialogue.open(port, { host: "127.0.0.1" });
    await smtp.expect(
      250,
      smtp.send({ from: sender, to: [alice, bob], octets, parameters: "BODY=8BITMIME" }),
    );
    assertArrived((await ofAlice.next())[0], octets, alice);
    assertArrived((await ofBob.next())[0], octets, bob);

    await smtp.expect(250, smtp.send({ from: bob, to: [ghost], octets: messageOf("to-a-ghost") }));
    const report = String((await ofBob.next())[0]);
    assert.match(report, /^Return-Path: <>\r\n/);
    assert.match(report, /^Final-Recipient: rfc822; ghost@example\.test\r$/m);
    assert.match(report, /^Status: 5\.1\.1\r$/m);
    assert.match(report, /No such user here/);
  });

  test("Exim delivers by its smtp and lmtp transports, and returns what we refuse", async () => {
    const mta = await makeExim({
      directory: join(home, "exim"),
      routers: `
socket:
  driver = accept
  local_parts = bob
  domains = example.test
  transport = lmtp_socket
tcp:
  driver = manualroute
  domains = example.test
  route_list = * 127.0.0.1 byname
  self = send
  transport = lmtp_tcp`,
      transports: `
lmtp_socket:
  driver = lmtp
  socket = ${socket}
  user = Debian-exim
  batch_max = 20
lmtp_tcp:
  driver = smtp
  protocol = lmtp
  port = ${suite.portOf("lmtp")}
  hosts_avoid_tls = *
  allow_localhost`,
    });
    const octets = messageOf("by-exim");
    await mta.send({ from: sender, to: [alice, bob], octets });
    assertArrived((await ofAlice.next())[0], octets, alice);
    assertArrived((await ofBob.next())[0], octets, bob);

    await mta.send({ from: bob, to: [ghost], octets: messageOf("to-a-ghost") });
    const report = String((await ofBob.next())[0]);
    assert.match(report, /^Return-Path: <>\r\n/);
    assert.match(report, /550 5\.1\.1 No such user here/);
  });
});
