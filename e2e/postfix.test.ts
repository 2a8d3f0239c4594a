import assert from "node:assert/strict";
import { chmod, chown, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { eventually } from "./eventually.ts";
import { Inbox } from "./inbox.ts";
import { startKnot } from "./knot.ts";
import { idsOf, type Postfix, startPostfix } from "./postfix.ts";
import {
  posthouse,
  posthouseReading,
  type RunningPosthouse,
  spawnPosthouse,
  succeeding,
} from "./posthouse.ts";
import { enterPrivateNetwork } from "./private-network.ts";
import { run, whatIsMissing } from "./program.ts";
import { SmtpDialogue } from "./smtp-dialogue.ts";

/**
 * Two hosts of the internet: Posthouse for example.test and Debian's Postfix for remote.test, each on
 * its real ports, and a name server from which alone they know of each other.
 */
const ours = "192.0.2.25";
const theirs = "198.51.100.25";
const alice = "alice@example.test";
const user = "user@remote.test";
const password = "correct horse";

const skip =
  whatIsMissing("postfix", "knotd", "openssl", "ip", "unshare") ??
  enterPrivateNetwork(import.meta.filename, [ours, theirs]) ??
  false;

const zones = {
  "example.test": `
@     MX 10 mail
mail  A  ${ours}`,
  "remote.test": `
@      MX  10 mx
mx     A   ${theirs}
@      TXT "v=spf1 ip4:${theirs} -all"
_dmarc TXT "v=DMARC1; p=reject"`,
  "shop.test": `
@      TXT "v=spf1 -all"
_dmarc TXT "v=DMARC1; p=quarantine"`,
};

const posthouseToml = `
hostname = "mail.example.test"
data_dir = "data"

[smtp_in]
listeners = [
  { kind = "mx", address = "${ours}", port = 25 },
  { kind = "submission", address = "${ours}", port = 587 },
]
[imap]
listeners = [{ tls = "implicit", address = "${ours}", port = 993 }]
[pop3]
listeners = []
[managesieve]
listeners = []
`;

/** list@remote.test leads to nobody, which Postfix finds out after it has taken the message. */
const postfixSettings = (directory: string, [uid, gid]: readonly [number, number]) => `
myhostname = mx.remote.test
mynetworks = ${theirs}
smtp_bind_address = ${theirs}
smtp_tls_security_level = may
smtpd_tls_security_level = may
smtpd_tls_received_header = yes
smtpd_tls_chain_files = ${directory}/mx.pem
virtual_mailbox_domains = remote.test
virtual_mailbox_maps = inline:{{${user}=user/}}
virtual_mailbox_base = ${directory}/mail
virtual_alias_maps = inline:{{list@remote.test=nobody@remote.test}}
virtual_uid_maps = static:${uid}
virtual_gid_maps = static:${gid}
virtual_minimum_uid = 1
`;

let directory: string;
let config: string;
let running: RunningPosthouse;
let postfix: Postfix;
let inbox: Inbox;
const opened = new AsyncDisposableStack();

async function openWorld(): Promise<void> {
  directory = await mkdtemp(join(tmpdir(), "posthouse-postfix-"));
  await chmod(directory, 0o755); // Postfix goes through it as its own user
  opened.defer(() => rm(directory, { recursive: true, force: true }));
  opened.use(await startKnot({ directory: join(directory, "knot"), port: 53, zones }));
  await startTheirs();
  await startOurs();
  inbox = opened.use(await Inbox.open(993, alice, `"${password}"`, { host: ours, isTls: true }));
}

async function startOurs(): Promise<void> {
  config = join(directory, "posthouse.toml");
  await writeFile(config, posthouseToml);
  running = await spawnPosthouse(["up", "--config", config], (line) =>
    line.includes("All servers are up"),
  );
  opened.defer(async () => void (await running.stop()));
  await succeeding(posthouse("domain", "add", "example.test", "--config", config));
  await succeeding(
    posthouseReading(`${password}\n`, "account", "add", alice, "--weak", "--config", config),
  );
}

async function startTheirs(): Promise<void> {
  const home = join(directory, "postfix");
  const mailbox = join(home, "mail");
  await mkdir(mailbox, { recursive: true });
  const ids = await idsOf("mail");
  await chown(mailbox, ...ids);
  await makeCertificate(home);
  postfix = await startPostfix({
    directory: home,
    address: theirs,
    port: 25,
    settings: postfixSettings(home, ids),
  });
  opened.defer(() => postfix.stop());
}

/** A key and the certificate that it has signed itself, in one file, as Postfix wants them. */
async function makeCertificate(home: string): Promise<void> {
  const key = join(home, "mx.key");
  const certificate = join(home, "mx.crt");
  const request = ["-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=mx.remote.test"];
  const made = await run("openssl", ["req", ...request, "-keyout", key, "-out", certificate]);
  assert.equal(made.code, 0, made.stderr);
  const chain = Buffer.concat([await readFile(key), await readFile(certificate)]);
  await writeFile(join(home, "mx.pem"), chain, { mode: 0o600 });
}

const headerOf = (from: string, to: string, subject: string) =>
  `From: ${from}\r\nTo: ${to}\r\nSubject: ${subject}\r\nDate: Mon, 2 Mar 2026 10:00:00 +0000\r\nMessage-ID: <${encodeURIComponent(subject)}@client.test>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n`;

const messageOf = (
  from: string,
  to: string,
  subject: string,
  body: string | Buffer = "Hello.\r\n",
) =>
  Buffer.concat([Buffer.from(`${headerOf(from, to, subject)}\r\n`), Buffer.from(body as string)]);

/** Bodies that something on the way likes to change. */
const bodies: Readonly<Record<string, string | Buffer>> = {
  "UTF-8": "Grüße aus Köln, 東京 🐟\r\n",
  "octets of no character set": Buffer.concat([
    Buffer.from(Array.from({ length: 128 }, (_, n) => 128 + n)),
    Buffer.from("\r\n"),
  ]),
  "lines of 900 octets": `${"x".repeat(900)}\r\n${"ü".repeat(450)}\r\n`,
  "leading dots": ".\r\n..\r\n...\r\n.hidden\r\n. \r\n\r\n.\r\n",
  "trailing blank lines": "text\r\n\r\n\r\n\r\n",
  "trailing blanks": "text \t \r\n \r\n-- \r\n",
  "From at the beginning of a line": "From here on\r\n>From there\r\n",
  "no body": "",
};

const subjectOf = (octets: Buffer) => /^Subject: (.*?)\r?$/m.exec(octets.toString("latin1"))?.[1];

const traceNames =
  /^(?:Return-Path|Delivered-To|X-Original-To|Received|Authentication-Results|X-Posthouse-Auth)$/i;

/** What stands before the message as it was sent: fields of its trace, and nothing else. */
function traceBefore(arrived: Buffer, sent: Buffer, lineEnd: "\r\n" | "\n"): string {
  const message = Buffer.from(sent.toString("latin1").replaceAll("\r\n", lineEnd), "latin1");
  const at = arrived.length - message.length;
  assert.ok(at > 0, `${arrived.length} octets arrived`);
  assert.deepEqual(arrived.subarray(at).toString("latin1"), message.toString("latin1"));
  const trace = arrived.toString("latin1", 0, at);
  assert.ok(trace.endsWith(lineEnd));
  for (const field of trace.slice(0, -lineEnd.length).split(lineEnd)) {
    if (!/^[ \t]/.test(field)) assert.match(field.split(":")[0] ?? "", traceNames, field);
  }
  return trace;
}

/** Gives a message to Postfix, as a user of it would. */
async function sendFromTheirs(to: string, octets: Buffer): Promise<void> {
  using smtp = await SmtpDialogue.open(25, { host: theirs });
  await smtp.expect(250, smtp.send({ from: user, to: [to], octets, parameters: "BODY=8BITMIME" }));
}

/** Submits as alice, with STARTTLS, and gives our message id. */
async function submit(to: string, octets: Buffer): Promise<string> {
  using smtp = await SmtpDialogue.open(587, { host: ours, hasStartTls: true });
  await smtp.expect(235, smtp.login(alice, password));
  const message = { from: alice, to: [to], octets, parameters: "BODY=8BITMIME" };
  // DATA always ends with a line end; only a chunk can do without.
  const isWhole = octets.toString("latin1").endsWith("\r\n");
  const { text } = await smtp.expect(250, isWhole ? smtp.send(message) : smtp.sendChunk(message));
  return /queued as (\S+)/.exec(text)?.[1] ?? "";
}

const taken = new Set<string>();

/** Waits for so many messages that Postfix delivers to its user, beyond those given before. */
async function theirNewMail(count: number): Promise<readonly Buffer[]> {
  const folder = join(directory, "postfix", "mail", "user", "new");
  const names = await eventually(`Postfix has delivered ${count}`, async () => {
    const found = (await readdir(folder)).filter((name) => !taken.has(name));
    return found.length >= count && found;
  });
  for (const name of names) taken.add(name);
  return await Promise.all(names.map((name) => readFile(join(folder, name))));
}

function only(messages: readonly Buffer[]): string {
  assert.equal(messages.length, 1);
  return (messages[0] ?? Buffer.alloc(0)).toString("latin1");
}

/** A report of RFC 3464 that one address has failed, with that status. */
function isReportOf(report: string, { recipient, status }: { recipient: string; status: RegExp }) {
  assert.match(report, /^Return-Path: <>\r?$/m);
  assert.match(report, /^Content-Type: multipart\/report;\s+report-type="?delivery-status"?/im);
  assert.match(report, new RegExp(`^Final-Recipient: rfc822; ?${recipient}\r?$`, "im"));
  assert.match(report, /^Action: failed\r?$/m);
  assert.match(/^Status: (\S+)/m.exec(report)?.[1] ?? "", status);
}

describe("Posthouse and Postfix, each the mail host of its domain", { skip }, () => {
  before(openWorld);
  after(() => opened.disposeAsync());

  test("what Postfix sends arrives byte for byte behind the fields of its trace", async () => {
    const sent = Object.entries(bodies).map(([name, body]) => messageOf(user, alice, name, body));
    for (const octets of sent) await sendFromTheirs(alice, octets);
    const arrived = await inbox.next(sent.length);
    assert.equal(arrived.length, sent.length);
    for (const octets of sent) {
      const one = arrived.find((other) => subjectOf(other) === subjectOf(octets));
      const trace = traceBefore(one ?? Buffer.alloc(0), octets, "\r\n");
      assert.match(trace, /^Return-Path: <user@remote\.test>\r\n/);
      // The way from Postfix to us was encrypted (RFC 3848), and is told on top.
      assert.match(trace, /^Received: from mx\.remote\.test [\s\S]*?with ESMTPS/m);
      assert.match(trace, /^Authentication-Results: mail\.example\.test;\r$/m);
      assert.match(trace, /\tdmarc=pass header\.from=remote\.test policy\.dmarc=reject\r$/m);
    }
  });

  test("what another host sends in the name of remote.test is refused, as its DMARC record asks", async () => {
    using smtp = await SmtpDialogue.open(25, { host: ours });
    const octets = messageOf(user, alice, "forged");
    const { text } = await smtp.expect(550, smtp.send({ from: user, to: [alice], octets }));
    assert.match(text, /5\.7\.1 remote\.test asks to refuse mail in its name/);
    const told = await eventually("the trail has it", async () => {
      const story = await succeeding(posthouse("trace", user, "--config", config));
      return story.includes("checked, and refused") && story;
    });
    assert.match(told, /DMARC fail: neither SPF nor DKIM passes for remote\.test in its From/);
  });

  test("what another host sends in the name of shop.test is in Junk, as its record asks", async () => {
    using smtp = await SmtpDialogue.open(25, { host: ours });
    const octets = messageOf("sam@shop.test", alice, "forged too");
    await smtp.expect(250, smtp.send({ from: "sam@shop.test", to: [alice], octets }));
    const [status] = await inbox.imap.ok("STATUS Junk (MESSAGES)");
    assert.match(status?.text ?? "", /^\* STATUS Junk \(MESSAGES 1\)/);
  });

  test("what alice submits arrives byte for byte behind the fields of its trace", async () => {
    const sent = Object.entries(bodies).map(([name, body]) => messageOf(alice, user, name, body));
    for (const octets of sent) await submit(user, octets);
    const arrived = await theirNewMail(sent.length);
    assert.equal(arrived.length, sent.length);
    for (const octets of sent) {
      const one = arrived.find((other) => subjectOf(other) === subjectOf(octets));
      const trace = traceBefore(one ?? Buffer.alloc(0), octets, "\n");
      assert.match(trace, /^Return-Path: <alice@example\.test>\n/);
      assert.match(trace, /from mail\.example\.test [\s\S]*?\(using TLSv1\.3 with cipher/);
    }
  });

  test("a message without a last line end gets one from Postfix, and nothing else", async () => {
    const unended = messageOf(alice, user, "unended", "the end");
    await submit(user, unended);
    const [arrived = Buffer.alloc(0)] = await theirNewMail(1);
    traceBefore(arrived, Buffer.concat([unended, Buffer.from("\r\n")]), "\n");
  });

  test("a reply finds its way back by the address that Postfix saw", async () => {
    await submit(user, messageOf(alice, user, "How are you?"));
    const question = only(await theirNewMail(1));
    const returnPath = /^Return-Path: <(.*)>$/m.exec(question)?.[1] ?? "";
    await sendFromTheirs(returnPath, messageOf(user, returnPath, "Re: How are you?"));
    assert.match(only(await inbox.next()), /^Subject: Re: How are you\?\r$/m);
  });

  test("what Postfix has taken and cannot deliver comes back to alice as its DSN", async () => {
    await submit("list@remote.test", messageOf(alice, "list@remote.test", "to a broken list"));
    const report = only(await inbox.next());
    isReportOf(report, { recipient: "nobody@remote.test", status: /^5\.1\.1/ });
    assert.match(report, /^Reporting-MTA: dns; ?mx\.remote\.test\r$/m);
    assert.match(report, /^Subject: to a broken list\r$/m);
  });

  test("what Postfix refuses comes back to alice as our DSN, with its words", async () => {
    await submit("ghost@remote.test", messageOf(alice, "ghost@remote.test", "to a ghost"));
    const report = only(await inbox.next());
    isReportOf(report, { recipient: "ghost@remote.test", status: /^5\.1\.1/ });
    assert.match(report, /^Reporting-MTA: dns; ?mail\.example\.test\r$/m);
    assert.match(report, /^Remote-MTA: dns; ?mx\.remote\.test\r$/m);
    assert.match(report, /User unknown in virtual mailbox table/);
    assert.match(report, /^Subject: to a ghost\r$/m);
  });

  test("what we refuse comes back from Postfix to its sender", async () => {
    const to = "ghost@example.test";
    await sendFromTheirs(to, messageOf(user, to, "to our ghost"));
    const report = only(await theirNewMail(1));
    isReportOf(report, { recipient: to, status: /^5\.1\.1/ });
    assert.match(report, /No such user here/);
  });

  test("mail waits while Postfix is away, the queue says why, and retry sends it", async () => {
    await postfix.stop();
    const octets = messageOf(alice, user, "later");
    const id = await submit(user, octets);
    const explained = await eventually("the first attempt has failed", async () => {
      const shown = await succeeding(posthouse("queue", "show", id, "--config", config));
      return shown.includes("tried once") && shown;
    });
    assert.match(explained, /^From alice@example\.test, \d+ bytes, received /m);
    assert.match(
      explained,
      /user@remote\.test: tried once\. .*198\.51\.100\.25 port 25: .*ECONNREFUSED.*The next attempt is in \d+ (?:second|minute)s?\./,
    );
    assert.match(
      await succeeding(posthouse("queue", "list", "--config", config)),
      /alice@example\.test +user@remote\.test +next try \d\d:\d\d UTC/,
    );

    await postfix.start();
    assert.match(
      await succeeding(posthouse("queue", "retry", id, "--config", config)),
      / is due now\n$/,
    );
    const [arrived = Buffer.alloc(0)] = await theirNewMail(1);
    traceBefore(arrived, octets, "\n");
    await eventually("the queue is empty", async () =>
      (await succeeding(posthouse("queue", "list", "--config", config))).includes("empty"),
    );
    assert.match(await succeeding(posthouse("trace", id, "--config", config)), /user@remote\.test/);
  });
});
