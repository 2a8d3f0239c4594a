import assert from "node:assert/strict";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { openScriptStore } from "@posthouse/mailbox-store";
import { TEST_TOML } from "@posthouse/service";
import {
  ENVELOPE_VERSION,
  type Envelope,
  envelopeToLmtpParameters,
  LmtpPool,
  newMessageId,
} from "@posthouse/smtp";
import { connectTo, parseTranscript, playTranscript } from "@posthouse/transcript";
import { messagesOf, type TestApp, testApp } from "./test-app.ts";

const ann = { id: "ann".padEnd(16, "0"), address: "ann@example.test" };

const message =
  "From: Bob <bob@remote.example>\r\nTo: ann@example.test\r\nSubject: Hello\r\n" +
  "Message-ID: <1@remote.example>\r\n\r\nText\r\n";

interface Sent {
  readonly script: string;
  readonly reversePath?: string;
  readonly message?: string;
  readonly messageId?: string;
  readonly verdicts?: Envelope["verdicts"];
}

/** Makes the script ann's filter and hands a message over; the reply to its one recipient. */
async function deliver(app: TestApp, sent: Sent): Promise<string> {
  await useScript(app, sent.script);
  await using pool = new LmtpPool({
    socketPath: app.socketPath,
    heloName: "smtp-in",
    sizeMax: 5,
    idleMs: 1000,
  });
  const envelope: Envelope = {
    version: ENVELOPE_VERSION,
    messageId: sent.messageId ?? newMessageId(Date.now()),
    receivedAtMs: Date.now(),
    client: { address: "192.0.2.1", helo: "remote.example", protocol: "ESMTP" },
    reversePath: sent.reversePath ?? "bob@remote.example",
    recipients: [
      { address: ann.address, originalAddress: "ann+lists@example.test", isLocal: true },
    ],
    body: "8BITMIME",
    smtpUtf8: false,
    requireTls: false,
    priority: 0,
    verdicts: sent.verdicts ?? {},
  };
  const outcome = await pool.use((session) =>
    session.send({
      ...envelopeToLmtpParameters(envelope),
      reversePath: envelope.reversePath,
      body: envelope.body,
      octets: (async function* () {
        yield Buffer.from(sent.message ?? message, "latin1");
      })(),
    }),
  );
  const reply = outcome.recipients[0]?.reply;
  return `${reply?.code} ${reply?.text}`;
}

async function useScript(app: TestApp, script: string): Promise<void> {
  await using mail = await app.store.openAccount(ann);
  await mail.listMailboxes();
  const scripts = openScriptStore({ mailDirectory: app.context.config.paths.mail }).of(ann);
  await scripts.put("test", Buffer.from(script));
  await scripts.activate("test");
}

/** Entries of the queue, as they are on disk. */
async function queued(app: TestApp): Promise<readonly string[]> {
  const ready = join(app.context.config.paths.queue, "ready");
  const names = await readdir(ready).catch(() => []);
  return await Promise.all(names.map((name) => readFile(join(ready, name), "latin1")));
}

const inbox = (app: TestApp) => messagesOf(app.store, ann);

async function mailboxes(app: TestApp): Promise<readonly string[]> {
  await using mail = await app.store.openAccount(ann);
  const infos = await mail.listMailboxes();
  const counted = await Promise.all(
    infos.map(async ({ name }) => `${name} ${(await mail.status(name)).messages}`),
  );
  return counted.filter((one) => !one.endsWith(" 0"));
}

test("a filter files into a mailbox that it makes, with flags", async () => {
  await using app = await testApp();
  const script =
    'require ["fileinto", "mailbox", "imap4flags", "envelope", "subaddress"];\n' +
    'if envelope :detail "to" "lists" { fileinto :create :flags ["\\\\Seen", "$list"] "Lists/a"; }';
  assert.match(await deliver(app, { script }), /^250 /);
  assert.deepEqual(await mailboxes(app), ["Lists/a 1"]);
  await using mail = await app.store.openAccount(ann);
  assert.equal((await mail.status("Lists/a")).unseen, 0);
});

test("a mailbox that is not there is INBOX", async () => {
  await using app = await testApp();
  assert.match(await deliver(app, { script: 'require "fileinto"; fileinto "None";' }), /^250 /);
  assert.deepEqual(await mailboxes(app), ["INBOX 1"]);
});

test("a hand-over that is repeated is filed and redirected once", async () => {
  await using app = await testApp();
  const script =
    'require ["fileinto", "mailbox", "copy"];\n' +
    'fileinto :create "A"; redirect :copy "x@remote.example"; keep;';
  const messageId = newMessageId(Date.now());
  await deliver(app, { script, messageId });
  await deliver(app, { script, messageId });
  assert.deepEqual(await mailboxes(app), ["INBOX 1", "A 1"]);
  const [entry = "", ...others] = await queued(app);
  assert.equal(others.length, 0);
  assert.match(entry, /Delivered-To: ann@example\.test\r\nFrom: Bob/);
  assert.match(entry, /"reversePath":"bob@remote\.example"/);
  assert.doesNotMatch(entry, /Return-Path/);
});

test("a redirect bears the sender that auth gives it", async () => {
  await using app = await testApp();
  const script = 'redirect "x@remote.example";';
  await deliver(app, { script, reversePath: "bob@rewritten.example" });
  const [entry = ""] = await queued(app);
  assert.match(entry, /"reversePath":"SRS0=test=rewritten\.example=bob@example\.test"/);
});

test("what came back from a redirect is kept", async () => {
  await using app = await testApp();
  const script = 'redirect "x@remote.example";';
  await deliver(app, { script, message: `Delivered-To: ann@example.test\r\n${message}` });
  assert.deepEqual(await mailboxes(app), ["INBOX 1"]);
  assert.equal((await queued(app)).length, 0);
});

test("reject is a reply, in one line, and nothing is stored", async () => {
  await using app = await testApp();
  const script = 'require "reject"; reject "Go away.\r\nPlease.";';
  assert.equal(await deliver(app, { script }), "550 Go away. Please.");
  assert.deepEqual(await mailboxes(app), []);
});

test("discard answers 250 and leaves a trace", async () => {
  await using app = await testApp();
  assert.match(await deliver(app, { script: "discard;" }), /^250 /);
  assert.deepEqual(await mailboxes(app), []);
  assert.equal(app.events.at(-1)?.type, "discarded");
});

test("a script with an error keeps the message and tells its owner once", async () => {
  await using app = await testApp();
  for (const script of ["discard", 'require "ihave"; error "no";']) {
    assert.match(await deliver(app, { script }), /^250 /);
    assert.match(await deliver(app, { script }), /^250 /);
  }
  const messages = await inbox(app);
  const notices = messages.filter((text) =>
    text.includes("Subject: Your mail filter has an error"),
  );
  assert.equal(messages.length, 6);
  assert.equal(notices.length, 2);
  assert.match(notices[0] ?? "", /line 1, column 8: expected ";"/);
});

test("vacation answers a person once, and neither lists, machines nor bounces", async () => {
  await using app = await testApp();
  const script =
    'require "vacation"; vacation :subject "Weg" :addresses "ann@example.test" "Bis Montag, grüße";';
  await deliver(app, { script });
  await deliver(app, { script });
  await deliver(app, { script, reversePath: "" });
  await deliver(app, { script, reversePath: "owner-x@remote.example" });
  await deliver(app, { script, reversePath: "c@d.example", message: `List-Id: <x>\r\n${message}` });
  await deliver(app, {
    script,
    reversePath: "c@d.example",
    message: `Precedence: bulk\r\n${message}`,
  });
  await deliver(app, {
    script,
    reversePath: "c@d.example",
    message: `Auto-Submitted: auto-replied\r\n${message}`,
  });
  await deliver(app, {
    script,
    reversePath: "c@d.example",
    message: message.replace("To: ann", "To: x"),
  });
  const [reply = "", ...others] = await queued(app);
  assert.equal(others.length, 0);
  assert.match(reply, /\r\nTo: <bob@remote\.example>\r\nSubject: Weg\r\n/);
  assert.match(reply, /\r\nIn-Reply-To: <1@remote\.example>\r\n/);
  assert.match(reply, /\r\nAuto-Submitted: auto-replied \(vacation\)\r\n/);
  assert.match(reply, /"reversePath":""/);
  assert.equal((await inbox(app)).length, 8);
});

test("duplicate knows what an earlier message was", async () => {
  await using app = await testApp();
  const script = 'require "duplicate"; if duplicate { discard; }';
  await deliver(app, { script });
  await deliver(app, { script });
  assert.equal((await inbox(app)).length, 1);
});

test("editheader changes what is stored and nothing else", async () => {
  await using app = await testApp();
  const script = 'require "editheader"; deleteheader "Subject"; addheader :last "X-New" "ü";';
  await deliver(app, { script });
  const [stored = ""] = await inbox(app);
  assert.ok(
    stored.endsWith(
      "From: Bob <bob@remote.example>\r\nTo: ann@example.test\r\nMessage-ID: <1@remote.example>\r\n" +
        "X-New: =?UTF-8?B?w7w=?=\r\n\r\nText\r\n",
    ),
    stored,
  );
});

test("a notification goes out by mail", async () => {
  await using app = await testApp();
  const script = 'require "enotify"; notify :message "You have mail" "mailto:x@remote.example";';
  await deliver(app, { script });
  const [entry = ""] = await queued(app);
  assert.match(entry, /Auto-Submitted: auto-notified; owner-email="ann@example\.test"\r\n/);
  assert.match(entry, /Subject: You have mail\r\n/);
});

test("what was put aside as junk stays aside, and its sender is not answered", async () => {
  await using app = await testApp();
  const script = 'require "vacation"; vacation :addresses "ann@example.test" "Away";';
  assert.match(await deliver(app, { script, verdicts: { "file-into": "junk" } }), /^250 /);
  assert.deepEqual(await mailboxes(app), ["Junk 1"]);
  assert.deepEqual(await queued(app), []);
});

test("a filter asks lists of its owner and of the host, and sends on to their members", async () => {
  const toml = `${TEST_TOML}\n[sieve]\nlists_directory = "{directory}/lists"\n`;
  await using app = await testApp(toml);
  const scripts = openScriptStore({ mailDirectory: app.context.config.paths.mail }).of(ann);
  await useScript(app, "keep;");
  await scripts.putAddressList(
    "default",
    Buffer.from("# friends\r\nBob@Remote.example # from work\r\n@friends.example\r\n"),
  );
  await mkdir(join(app.context.directory, "lists"));
  await writeFile(
    join(app.context.directory, "lists", "staff.list"),
    "x@remote.example\ny@remote.example\n@example.test\n",
  );
  const script =
    'require ["extlists", "fileinto", "mailbox", "envelope"];\n' +
    'if not valid_ext_list [":addrbook:default", "tag:mail.example.test,2026:staff"] { stop; }\n' +
    'if valid_ext_list "tag:other.example,2026:staff" { stop; }\n' +
    'if address :list "from" "urn:ietf:params:sieve:addrbook:default" { fileinto :create "Friends"; }\n' +
    'if envelope :list "from" ":addrbook:default" { redirect :list "tag:mail.example.test,2026:staff"; }';
  await deliver(app, { script, reversePath: "carol@friends.example" });
  assert.deepEqual(await mailboxes(app), ["Friends 1"]);
  const recipients = (await queued(app)).map(
    (entry) => /"address":"([^"]+)"/.exec(entry)?.[1] ?? "",
  );
  assert.deepEqual(recipients.toSorted(), ["x@remote.example", "y@remote.example"]);
});

test("spamtest and virustest see what smtp-in's filters said, and nothing that a sender claims", async () => {
  const toml = `${TEST_TOML}\n[inspection]\nfilters = [
    { name = "rspamd", kind = "rspamd", at = "127.0.0.1:1" },
    { name = "clamav", kind = "clamd", at = "127.0.0.1:2" },
  ]\n`;
  await using app = await testApp(toml);
  const script =
    'require ["spamtestplus", "virustest", "relational", "comparator-i;ascii-numeric", "fileinto", "mailbox"];\n' +
    'if spamtest :percent :value "ge" :comparator "i;ascii-numeric" "50" { fileinto :create "Spam"; }\n' +
    'elsif spamtest :value "eq" :comparator "i;ascii-numeric" "1" { fileinto :create "Ham"; }\n' +
    'elsif spamtest :percent :count "eq" "0" { fileinto :create "Untested"; }\n' +
    'if virustest :value "eq" :comparator "i;ascii-numeric" "5" { fileinto :create "Virus"; }\n' +
    'if virustest :value "eq" :comparator "i;ascii-numeric" "1" { fileinto :create "Clean"; }\n';
  const said = (...verdicts: readonly string[]) =>
    verdicts.map((verdict) => `X-Posthouse-Filter: ${verdict}\r\n`).join("");
  const received = "Received: from a by b; Sun, 29 Nov 2026 10:00:00 +0000\r\n";
  const cases: readonly (readonly [string, readonly string[]])[] = [
    [said("rspamd: add header, score 9.10 of 15.00", "clamav: found nothing"), ["Clean", "Spam"]],
    [said("rspamd: no action, score -2.50 of 15.00", "clamav: found Eicar"), ["Ham", "Virus"]],
    [said("rspamd: did not answer", "clamav: did not answer"), ["Untested"]],
    [received + said("rspamd: no action, score 15.00 of 15.00"), ["Untested"]],
  ];
  for (const [fields, into] of cases) {
    const messageId = newMessageId(Date.now());
    const before = new Set(await mailboxes(app));
    await deliver(app, { script, messageId, message: `${fields}${received}${message}` });
    const after = (await mailboxes(app)).filter((one) => !before.has(one));
    assert.deepEqual(after.map((one) => one.replace(/ .*/, "")).toSorted(), into, fields);
  }
});

test("smtp-in is told whose filter may refuse, and others are told nothing", async () => {
  await using app = await testApp();
  await using pool = new LmtpPool({
    socketPath: app.socketPath,
    heloName: "smtp-in",
    sizeMax: 1,
    idleMs: 1000,
  });
  const asked = async (address: string) => {
    const { code, enhanced } = await pool.use((session) => session.verify(address));
    return `${code} ${enhanced}`;
  };
  assert.equal(await asked("<ann@example.test>"), "250 2.1.5");
  await useScript(app, 'require "ereject"; if false { ereject "no"; }');
  assert.equal(await asked("<ann@example.test>"), "252 2.7.1");
  assert.equal(await asked("<bob@example.test>"), "250 2.1.5");
  await useScript(app, 'require "reject"; rejekt;');
  assert.equal(await asked("<ann@example.test>"), "250 2.1.5");
  assert.equal(await asked("<nobody@example.test>"), "550 5.1.1");
  await playTranscript(
    parseTranscript("S: 220 $*\nC: VRFY <ann@example.test>\nS: 252 2.1.5 $*\n"),
    { connect: () => connectTo({ port: app.port }) },
  );
});
