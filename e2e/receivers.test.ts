import assert from "node:assert/strict";
import { createHash, X509Certificate } from "node:crypto";
import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { type MailHost, mailHost } from "../apps/smtp-out/test/mail-host.ts";
import {
  eventsOf,
  remote,
  type SendingHost,
  sendingHost,
} from "../apps/smtp-out/test/sending-host.ts";
import { exim, makeExim } from "./exim.ts";
import { startKnot } from "./knot.ts";
import { opensmtpd, startOpenSmtpd } from "./opensmtpd.ts";
import { startPostfix } from "./postfix.ts";
import { enterPrivateNetwork } from "./private-network.ts";
import { run, whatIsMissing } from "./program.ts";
import { startUnbound } from "./unbound.ts";

/**
 * smtp-out sends to the mail servers of Debian, each the MX of its domain on its port 25, which it finds by a
 * validating resolver. Each hands what it took to a host of ours behind it, which shows what it was.
 */
const names = ["postfix", "exim", "opensmtpd"] as const;
type Name = (typeof names)[number];

const addressOf = {
  postfix: "198.51.100.1",
  exim: "198.51.100.2",
  opensmtpd: "198.51.100.3",
} as const satisfies Record<Name, string>;

const skip =
  whatIsMissing("postfix", exim, opensmtpd, "knotd", "keymgr", "unbound", "openssl", "unshare") ??
  enterPrivateNetwork(import.meta.filename, Object.values(addressOf)) ??
  false;

/**
 * Debian 12's OpenSMTPD offers STARTTLS, and every handshake fails: what holds its key does not work with OpenSSL 3.
 * So it is the host of the unsigned zone, which gets its mail in the clear then.
 */
const domainOf = {
  postfix: "postfix.secure.example",
  exim: "exim.secure.example",
  opensmtpd: "opensmtpd.plain.example",
} as const satisfies Record<Name, string>;
const tlsOf = {
  postfix: /^TLSv1\.3 /,
  exim: /^TLSv1\.3 /,
  opensmtpd: /^none$/,
} as const satisfies Record<Name, RegExp>;

const KNOT_PORT = 5353;
const wrongKey = "00".repeat(32);

const secureZone = (spki256: string) =>
  [
    ...names.flatMap((name) => [
      `${name} MX 10 mx-${name}`,
      `mx-${name} A ${addressOf[name]}`,
      `_25._tcp.mx-${name} TLSA 3 1 1 ${spki256}`,
    ]),
    "wrong MX 10 mx-wrong",
    `mx-wrong A ${addressOf.postfix}`,
    `_25._tcp.mx-wrong TLSA 3 1 1 ${wrongKey}`,
  ].join("\n");

/** It says something false of Postfix, and nobody has signed it. */
const plainZone = [
  "@ MX 10 mx",
  "opensmtpd MX 10 mx-opensmtpd",
  `mx-opensmtpd A ${addressOf.opensmtpd}`,
  `mx A ${addressOf.postfix}`,
  `_25._tcp.mx TLSA 3 1 1 ${wrongKey}`,
].join("\n");

let directory: string;
let host: SendingHost;
/** later@ is told to come back, as greylisting does. */
let isGrey = false;
const behind = {} as Record<Name, MailHost>;
const opened = new AsyncDisposableStack();

async function setGrey(isOn: boolean): Promise<void> {
  isGrey = isOn;
  const file = join(directory, "grey");
  if (isOn) await writeFile(file, "");
  else await rm(file, { force: true });
}

async function openWorld(): Promise<void> {
  directory = await mkdtemp(join(tmpdir(), "posthouse-receivers-"));
  opened.defer(() => rm(directory, { recursive: true, force: true }));
  await chmod(directory, 0o755); // the servers go through it as their own users
  await startNames(await makeCertificate());
  for (const name of names) {
    behind[name] = opened.use(
      await mailHost({ extensions: ["8BITMIME", "SIZE", "DSN", "ENHANCEDSTATUSCODES"] }),
    );
  }
  await Promise.all([startThePostfix(), startTheExim(), startTheOpenSmtpd()]);
  host = opened.use(await sendingHost({ dnsServer: "127.0.0.1", mxPort: 25 }));
  await host.start();
}

/**
 * Of nobody's name and signed by nobody: what vouches for it is DANE alone. Gives the SHA-256 of its public key.
 */
async function makeCertificate(): Promise<string> {
  const [key, certificate] = [join(directory, "mx.key"), join(directory, "mx.crt")];
  const request = ["-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=somebody.example"];
  const made = await run("openssl", ["req", ...request, "-keyout", key, "-out", certificate]);
  assert.equal(made.code, 0, made.stderr);
  const pem = await readFile(certificate);
  await writeFile(join(directory, "mx.pem"), Buffer.concat([await readFile(key), pem]));
  const spki = new X509Certificate(pem).publicKey.export({ format: "der", type: "spki" });
  return createHash("sha256").update(spki).digest("hex");
}

async function startNames(spki256: string): Promise<void> {
  const knot = opened.use(
    await startKnot({
      directory: join(directory, "knot"),
      port: KNOT_PORT,
      zones: { "secure.example": secureZone(spki256), "plain.example": plainZone },
      signed: ["secure.example"],
    }),
  );
  opened.use(
    await startUnbound({
      directory: join(directory, "unbound"),
      port: 53,
      zones: {
        "secure.example": { port: KNOT_PORT, ds: await knot.dsOf("secure.example") },
        "plain.example": { port: KNOT_PORT },
      },
    }),
  );
}

async function startThePostfix(): Promise<void> {
  const policyPort = await servePolicy();
  const postfix = await startPostfix({
    directory: join(directory, "postfix"),
    address: addressOf.postfix,
    port: 25,
    settings: `
myhostname = mx-postfix.secure.example
mynetworks =
smtp_bind_address = 127.0.0.1
smtp_tls_security_level = none
smtpd_tls_security_level = may
smtpd_tls_chain_files = ${directory}/mx.pem
relay_domains = postfix.secure.example, wrong.secure.example, plain.example
transport_maps = static:{smtp:[127.0.0.1]:${behind.postfix.port}}
smtpd_recipient_restrictions =
  check_recipient_access inline:{{ghost@postfix.secure.example=550 5.1.1 No such user}}
  check_policy_service inet:127.0.0.1:${policyPort}
`,
  });
  opened.defer(() => postfix.stop());
}

/** What Postfix asks about each recipient: see SMTPD_POLICY_README there. */
async function servePolicy(): Promise<number> {
  const server = createServer((socket) => {
    let asked = "";
    socket.setEncoding("latin1").on("data", (text: string) => {
      asked += text;
      if (!asked.endsWith("\n\n")) return;
      const isLater = isGrey && /^recipient=later@/m.test(asked);
      asked = "";
      socket.write(`action=${isLater ? "450 4.7.1 Greylisted" : "DUNNO"}\n\n`);
    });
    opened.defer(() => void socket.destroy());
  });
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  opened.defer(() => void server.close());
  return (server.address() as { port: number }).port;
}

async function startTheExim(): Promise<void> {
  const mta = await makeExim({
    directory: join(directory, "exim"),
    settings: `
local_interfaces = ${addressOf.exim}
daemon_smtp_ports = 25
tls_advertise_hosts = *
tls_certificate = ${directory}/mx.pem
tls_privatekey = ${directory}/mx.pem
dsn_advertise_hosts = *
acl_smtp_rcpt = recipient
`,
    acls: `
recipient:
  deny local_parts = ghost
    message = 550 5.1.1 No such user
  defer local_parts = later
    condition = \${if exists{${directory}/grey}}
    message = 450 4.7.1 Greylisted
  accept domains = exim.secure.example
`,
    routers: `
onward:
  driver = manualroute
  route_list = * 127.0.0.1 byname
  self = send
  transport = onward`,
    transports: `
onward:
  driver = smtp
  port = ${behind.exim.port}
  hosts_avoid_tls = *
  allow_localhost`,
  });
  opened.use(await mta.serve());
}

async function startTheOpenSmtpd(): Promise<void> {
  const home = join(directory, "opensmtpd");
  const filter = join(directory, "grey-filter");
  // smtpd-filters(7): one line for each recipient, and one answer.
  await writeFile(
    filter,
    `#!/bin/sh
while IFS='|' read -r kind version at side phase session token address; do
  case "$kind|$version" in
  'config|ready') printf 'register|filter|smtp-in|rcpt-to\\nregister|ready\\n' ;;
  filter*)
    answer=proceed
    case "$address" in *later@*) [ ! -e "${directory}/grey" ] || answer='reject|450 4.7.1 Greylisted' ;; esac
    echo "filter-result|$session|$token|$answer" ;;
  esac
done
`,
    { mode: 0o755 },
  );
  opened.use(
    await startOpenSmtpd({
      directory: home,
      settings: `
pki "own" cert "${directory}/mx.crt"
pki "own" key "${directory}/mx.key"
filter "grey" proc-exec "${filter}"
listen on ${addressOf.opensmtpd} port 25 tls pki "own" filter "grey" hostname mx-opensmtpd.plain.example
action "onward" relay host smtp://127.0.0.1:${behind.opensmtpd.port}
match from any for rcpt-to "ghost@opensmtpd.plain.example" reject
match from any for domain { "opensmtpd.plain.example", "opensmtpd.secure.example" } action "onward"
`,
    }),
  );
}

const headerOf = (subject: string) =>
  `From: Ann <ann@here.example>\r\nTo: bob@there.example\r\nSubject: ${subject}\r\nDate: Mon, 2 Mar 2026 10:00:00 +0000\r\nMessage-ID: <${encodeURIComponent(subject)}@here.example>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n`;

/** Bodies that something on the way likes to change; all in latin1. */
const bodies: Readonly<Record<string, string>> = {
  "UTF-8": Buffer.from("Grüße aus Köln, 東京 🐟\r\n").toString("latin1"),
  "octets of no character set": `${String.fromCharCode(...Array.from({ length: 128 }, (_, n) => 128 + n))}\r\n`,
  "lines of 900 octets": `${"x".repeat(900)}\r\n${"\u00fc".repeat(900)}\r\n`,
  "leading dots": ".\r\n..\r\n...\r\n.hidden\r\n. \r\n\r\n.\r\n",
  "trailing blank lines": "text\r\n\r\n\r\n\r\n",
  "trailing blanks": "text \t \r\n \r\n-- \r\n",
  "From at the beginning of a line": "From here on\r\n>From there\r\n",
  "a megabyte": `${"0123456789 \u00e9\r\n".repeat(75_000)}`,
};

/** Behind fields of the trace, octet for octet. */
function assertWhole(arrived: string, sent: string): void {
  assert.equal(arrived.slice(-sent.length), sent);
  const trace = arrived.slice(0, -sent.length).split("\r\n");
  for (const line of trace.slice(0, -1)) assert.match(line, /^(?:Received: |[ \t])/);
}

const subjectIn = (octets: string) => /^Subject: (.*)\r$/m.exec(octets)?.[1];

const localIn = (rcpt: string) => /<(.*?)@/.exec(rcpt)?.[1] ?? "";
const byText = (a: string, b: string) => (a < b ? -1 : 1);

const endsOf = async (messageId: string) =>
  (await eventsOf(host)).filter(
    (event) => event.messageId === messageId && ["relayed", "bounced"].includes(String(event.type)),
  );

/** Ends that the trail has when they are so many. */
async function ended(messageId: string, count: number) {
  await host.until(async () => (await endsOf(messageId)).length >= count);
  return await endsOf(messageId);
}

describe("smtp-out, and the mail servers of Debian as receivers", { skip }, () => {
  before(openWorld);
  after(() => opened.disposeAsync());

  for (const name of names) {
    const bob = `bob@${domainOf[name]}`;

    test(`${name} takes every octet`, async () => {
      const sink = behind[name];
      const { messages } = sink;
      const sent = Object.entries(bodies).map(([subject, body]) => headerOf(subject) + body);
      const before = messages.length;
      for (const [n, octets] of sent.entries()) {
        const envelope = { messageId: `${name}-b${n}`, body: "8BITMIME" } as const;
        await host.enqueue(
          { ...envelope, recipients: [remote(bob)] },
          Buffer.from(octets, "latin1"),
        );
      }
      await sink.received(before + sent.length);
      const arrived = messages.slice(before).map(({ octets }) => octets);
      for (const octets of sent) {
        const one = arrived.find((other) => subjectIn(other) === subjectIn(octets));
        assertWhole(one ?? "", octets);
      }
      const [end] = await ended(`${name}-b0`, 1);
      assert.match(String(end?.tls), tlsOf[name]);
    });

    test(`${name} answers for each recipient of a transaction, hears what they ask for of DSN, and is asked again by those that it put off`, async () => {
      const sink = behind[name];
      const { messages } = sink;
      const before = messages.length;
      const messageId = `${name}-several`;
      const asked = {
        notify: ["SUCCESS", "DELAY"],
        orcpt: `rfc822;old@${domainOf[name]}`,
      } as const;
      await setGrey(true);
      await host.enqueue({
        messageId,
        ret: "HDRS",
        envid: "env-1",
        recipients: ["bob", "cid", "ghost", "later"].map((local) =>
          remote(`${local}@${domainOf[name]}`, asked),
        ),
      });
      const ends = await ended(messageId, 3);
      const told = ends.map(
        ({ type, recipient }) => `${String(type)} ${String(recipient).split("@")[0]}`,
      );
      assert.deepEqual(told.sort(), ["bounced ghost", "relayed bob", "relayed cid"]);
      assert.match(String(ends.find(({ type }) => type === "bounced")?.reply), /^550 /);
      await host.until(async (queue) => {
        const [entry] = await queue.show(messageId);
        return entry?.recipients[3]?.state.kind === "waiting";
      });
      const [entry] = await host.queue.show(messageId);
      assert.match(entry?.recipients[3]?.lastReply?.text ?? "", /Greylisted/);

      await setGrey(false);
      await host.queue.retry(messageId);
      await sink.received(before + 2);
      assert.deepEqual(
        messages.slice(before).map(({ recipients }) => recipients.map(localIn).toSorted(byText)),
        [["bob", "cid"], ["later"]],
      );
      for (const { mail, recipients } of messages.slice(before)) {
        assert.match(mail, / RET=HDRS\b/);
        assert.match(mail, / ENVID=env-1\b/);
        for (const line of recipients) {
          assert.match(line, / NOTIFY=SUCCESS,DELAY\b/);
          assert.match(line, / ORCPT=rfc822;old@/);
        }
      }
      await host.until(async (queue) => (await queue.show(messageId)).length === 0);
    });
  }

  test("with another key than its zone names, or a handshake that fails, there is no way into the clear", async () => {
    const waiting = [
      {
        messageId: "wrong",
        to: "bob@wrong.secure.example",
        said: /no TLSA record of its zone fits/,
      },
      {
        messageId: "fails",
        to: "bob@opensmtpd.secure.example",
        said: /Cannot encrypt the session/,
      },
    ];
    for (const { messageId, to } of waiting) {
      await host.enqueue({ messageId, recipients: [remote(to)] });
    }
    for (const { messageId, said } of waiting) {
      await host.until(async (queue) => {
        const [entry] = await queue.show(messageId);
        return entry?.recipients[0]?.lastReply !== undefined;
      });
      const [entry] = await host.queue.show(messageId);
      assert.match(entry?.recipients[0]?.lastReply?.text ?? "", said);
    }
    const all = names.flatMap((name) => behind[name].messages);
    assert.ok(!all.some(({ recipients }) => /wrong\.|opensmtpd\.secure/.test(recipients.join())));
  });

  test("a zone without signatures cannot stop the mail by TLSA records", async () => {
    await host.enqueue({ messageId: "plain", recipients: [remote("bob@plain.example")] });
    const [end] = await ended("plain", 1);
    assert.match(String(end?.tls), /^TLSv1\.3 /);
  });
});
