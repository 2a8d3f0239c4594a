import assert from "node:assert/strict";
import { chmod, mkdir, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { start as startSmtpIn } from "../apps/smtp-in/src/app.ts";
import { TestDirectory } from "../apps/smtp-in/test/test-directory.ts";
import { type MailHost, mailHost } from "../apps/smtp-out/test/mail-host.ts";
import { remote, type SendingHost, sendingHost } from "../apps/smtp-out/test/sending-host.ts";
import { type Exim, exim, makeExim } from "./exim.ts";
import { startKnot } from "./knot.ts";
import { startPostfix } from "./postfix.ts";
import { enterPrivateNetwork } from "./private-network.ts";
import { run, whatIsMissing } from "./program.ts";
import { SmtpDialogue } from "./smtp-dialogue.ts";

/**
 * Links that are not always up. Posthouse is the secondary MX of branch.example, whose own host, an Exim, comes and
 * goes; Postfix is somebody who writes to it. And a host without TCP has its mail by batches, which an Exim reads.
 */
const ours = "192.0.2.25";
const branch = "198.51.100.25";
const writer = "203.0.113.25";

const skip =
  whatIsMissing("postfix", exim, "knotd", "fetchmail", "unshare") ??
  enterPrivateNetwork(import.meta.filename, [ours, branch, writer]) ??
  false;

const zones = {
  "branch.example": `
@       MX 10 mx
@       MX 20 mail.example.test.
mx      A  ${branch}`,
  "example.test": `
mail    A  ${ours}`,
};

const message = Buffer.from(
  "From: Ann <ann@writer.example>\r\nTo: bob@branch.example\r\nSubject: hello\r\nDate: Mon, 2 Mar 2026 10:00:00 +0000\r\nMessage-ID: <1@writer.example>\r\n\r\nGrüße\r\n.\r\n..two\r\nFrom here\r\n",
);

let directory: string;
let host: SendingHost;
let behind: MailHost;
let mta: Exim;
const opened = new AsyncDisposableStack();

async function openWorld(): Promise<void> {
  directory = await mkdtemp(join(tmpdir(), "posthouse-link-"));
  opened.defer(() => rm(directory, { recursive: true, force: true }));
  await chmod(directory, 0o755); // the servers go through it as their own users
  opened.use(await startKnot({ directory: join(directory, "knot"), port: 53, zones }));
  behind = opened.use(await mailHost());
  mta = await makeExim({
    directory: join(directory, "exim"),
    settings: `
local_interfaces = ${branch}
daemon_smtp_ports = 25
acl_smtp_rcpt = recipient
trusted_users = root
`,
    acls: `
recipient:
  accept domains = branch.example : uucp.example : floppy.example`,
    routers: `
onward:
  driver = manualroute
  route_list = * 127.0.0.1 byname
  self = send
  transport = onward`,
    transports: `
onward:
  driver = smtp
  port = ${behind.port}
  hosts_avoid_tls = *
  allow_localhost`,
  });
  await mkdir(join(directory, "batches"));
  host = opened.use(
    await sendingHost({
      dnsServer: "127.0.0.1",
      mxPort: 25,
      smtpIn: `
secondary_for = [{ domains = ["branch.example"] }]
etrn_from = [{ domains = ["branch.example"], networks = ["${ours}"] }]
listeners = [{ kind = "mx", address = "${ours}", port = 25 }]`,
      smtpOut: `
[[smtp_out.routes]]
to = ["uucp.example"]
command = ${JSON.stringify(mta.batchCommand)}
format = "batch-smtp"
[[smtp_out.routes]]
to = ["floppy.example"]
via = "bsmtp:${directory}/batches"`,
    }),
  );
  await host.start();
  const smtpIn = await startSmtpIn(host.context, { auth: new TestDirectory() });
  opened.defer(() => smtpIn.close());
  const postfix = await startPostfix({
    directory: join(directory, "postfix"),
    address: writer,
    port: 25,
    settings: `
myhostname = mx.writer.example
mynetworks = ${writer}
smtp_bind_address = ${writer}
smtp_tls_security_level = may
`,
  });
  opened.defer(() => postfix.stop());
}

function assertWhole(arrived: string): void {
  const sent = message.toString("latin1");
  assert.equal(arrived.slice(-sent.length), sent);
}

describe("mail for hosts that are not always there", { skip }, () => {
  before(openWorld);
  after(() => opened.disposeAsync());

  test("a secondary MX keeps the mail of a host that is away, and ETRN has it when it is back", async () => {
    using smtp = await SmtpDialogue.open(25, { host: writer });
    await smtp.expect(
      250,
      smtp.send({
        from: "ann@writer.example",
        to: ["bob@branch.example"],
        octets: message,
        parameters: "BODY=8BITMIME",
      }),
    );
    // Postfix finds nobody at the host that is preferred, and so it is here. We ask that host alone.
    await host.until(async (queue) => {
      const [entry] = await queue.list();
      return entry?.recipients[0]?.lastReply !== undefined;
    });
    const [entry] = await host.queue.list();
    assert.equal(entry?.reversePath, "ann@writer.example");
    assert.match(entry?.recipients[0]?.lastReply?.text ?? "", /198\.51\.100\.25.*ECONNREFUSED/);
    const [attempt] = await host.queue.attempts(entry?.id ?? "");
    assert.deepEqual(
      attempt?.tries.map(({ host: asked }) => asked),
      ["mx.branch.example"],
    );

    await using _mx = await mta.serve();
    const pidFile = join(directory, "fetchmail.pid");
    const options = `--nodetach --nosyslog --pidfile ${pidFile} --fetchmailrc /dev/null`;
    const ask = `--protocol ETRN --fetchdomains branch.example ${ours}`;
    const fetched = await run("fetchmail", `${options} ${ask}`.split(" "));
    assert.match(fetched.stdout + fetched.stderr, /branch\.example/);
    await behind.received(1);
    assertWhole(behind.messages[0]?.octets ?? "");
    assert.match(behind.messages[0]?.mail ?? "", /^MAIL FROM:<ann@writer\.example>/);
    await host.until(async (queue) => (await queue.count()) === 0);
  });

  test("exim -bS takes what the batch-SMTP route of a program says, for all recipients", async () => {
    const before = behind.messages.length;
    const recipients = [remote("bob@uucp.example"), remote("cid@uucp.example")];
    await host.enqueue({ messageId: "m1", body: "8BITMIME", recipients }, message);
    await behind.received(before + 1);
    assertWhole(behind.messages[before]?.octets ?? "");
    assert.deepEqual(
      behind.messages[before]?.recipients.map((line) => /<(.*)>/.exec(line)?.[1]).toSorted(),
      ["bob@uucp.example", "cid@uucp.example"],
    );
    await host.until(async (queue) => (await queue.count()) === 0);
  });

  test("exim -bS takes the files of a batch-SMTP directory one after the other, carried over as one", async () => {
    const before = behind.messages.length;
    for (const messageId of ["m2", "m3"]) {
      const recipients = [remote(`${messageId}@floppy.example`)];
      await host.enqueue({ messageId, body: "8BITMIME", recipients }, message);
    }
    const batches = join(directory, "batches");
    await host.until(async (queue) => (await queue.count()) === 0);
    const files = (await readdir(batches)).map((name) => join(batches, name));
    assert.equal(files.length, 2);
    for (const file of files) assert.equal(await mta.takeBatch(await readFile(file)), 0);
    await behind.received(before + 2);
    for (const { octets } of behind.messages.slice(before)) assertWhole(octets);
  });
});
