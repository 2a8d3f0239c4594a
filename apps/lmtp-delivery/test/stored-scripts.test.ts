import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { SpoolReader } from "@posthouse/file-spool";
import { EventWriter, type ImapEvent } from "@posthouse/imap-events";
import {
  openScriptStore,
  type SystemFlag,
  systemFlagBits,
  type Uid,
} from "@posthouse/mailbox-store";
import { messagesOf, type TestApp, testApp } from "./test-app.ts";

const ann = { id: "ann".padEnd(16, "0"), address: "ann@example.test" };

const message =
  "Return-Path: <bob@remote.example>\r\nDelivered-To: ann@example.test\r\n" +
  "From: Bob <bob@remote.example>\r\nBcc: secret@remote.example\r\nSubject: Hello\r\n\r\nText\r\n";

interface Happened {
  readonly script: string;
  readonly cause?: ImapEvent["cause"];
  readonly flags?: readonly SystemFlag[];
  readonly changedFlags?: readonly string[];
  readonly message?: string;
}

/** A message in Work, and what imap writes down of it: as if a client had put it there. */
async function store(app: TestApp, happened: Happened): Promise<ImapEvent> {
  await using mail = await app.store.openAccount(ann);
  await mail.listMailboxes();
  const { paths } = app.context.config;
  const scripts = openScriptStore({ mailDirectory: paths.mail }).of(ann);
  await scripts.put("work", Buffer.from(happened.script));
  await mail.createMailbox("Work").catch(() => undefined);
  const octets = [Buffer.from(happened.message ?? message)];
  const request = { octets, systemFlags: happened.flags ?? [], internalDateMs: 1_000_000_000_000 };
  const { uids, uidValidity } = await mail.append("Work", [request]);
  const { mailboxId } = await mail.status("Work");
  return {
    version: 1,
    account: ann.address,
    user: "bob@example.test",
    cause: happened.cause ?? "APPEND",
    mailbox: "Work",
    mailboxId,
    uidValidity,
    script: "work",
    messages: [{ uids: String(uids[0]), changedFlags: happened.changedFlags ?? [] }],
  };
}

/** The same, and its script has run. */
async function happen(app: TestApp, happened: Happened): Promise<void> {
  const event = await store(app, happened);
  await new EventWriter(app.context.config.sieve.imapEventsDirectory).write(event);
  await settled(app);
}

/** Resolves when nothing waits for its script any more. */
async function settled(app: TestApp): Promise<void> {
  const directory = app.context.config.sieve.imapEventsDirectory;
  const spool = new SpoolReader({ directory, bytesMax: 1_000_000 });
  for (;;) {
    const { promise: woken, resolve } = Promise.withResolvers<void>();
    using _watch = spool.watch(resolve);
    if ((await spool.list()).length === 0) return;
    await woken;
  }
}

async function flagsIn(app: TestApp, name: string): Promise<readonly string[]> {
  await using mail = await app.store.openAccount(ann);
  await using mailbox = await mail.openMailbox(name, { readOnly: true });
  const { columns } = mailbox;
  const systemFlags = Object.keys(systemFlagBits) as SystemFlag[];
  return [...columns.systemFlags].map((bits, row) =>
    [
      ...systemFlags.filter((flag) => (bits & systemFlagBits[flag]) !== 0),
      ...(columns.keywordSets[columns.keywordSet[row] ?? 0] ?? []),
    ].join(" "),
  );
}

async function queued(app: TestApp): Promise<readonly string[]> {
  const ready = join(app.context.config.paths.queue, "ready");
  const names = await readdir(ready).catch(() => []);
  return await Promise.all(names.map((name) => readFile(join(ready, name), "latin1")));
}

test("RFC 6785 §3.3: fileinto makes another message, and what nothing kept is marked deleted", async () => {
  await using app = await testApp();
  const script =
    'require ["fileinto", "mailbox", "imap4flags", "editheader", "environment", "imapsieve"];\n' +
    'if allof (environment "imap.user" "bob@example.test", environment "location" "MS",\n' +
    '          environment "phase" "post", hasflag "\\\\Seen") {\n' +
    '  addheader "X-Copy" "yes"; fileinto :create :flags "$copy" "Copies"; }';
  await happen(app, { script, flags: ["\\Seen"] });
  assert.deepEqual(await flagsIn(app, "Copies"), ["$copy"]);
  assert.deepEqual(await flagsIn(app, "Work"), ["\\Deleted \\Seen"]);
  await using mail = await app.store.openAccount(ann);
  await using copies = await mail.openMailbox("Copies", { readOnly: true });
  assert.equal(copies.columns.internalDatesMs[0], 1_000_000_000_000);
  await using copy = await copies.openMessage(copies.columns.uids[0] as Uid);
  const octets = Buffer.concat(await Array.fromAsync(copy.read())).toString();
  assert.equal(octets, `X-Copy: yes\r\n${message}`);
});

test("§3.8: flags that a script changes are those of the message", async () => {
  await using app = await testApp();
  const script =
    'require ["imap4flags", "imapsieve"]; removeflag "\\\\Seen"; addflag "$told \\\\Flagged";';
  await happen(app, { script, flags: ["\\Seen", "\\Answered"] });
  assert.deepEqual(await flagsIn(app, "Work"), ["\\Answered \\Flagged $told"]);
});

test("§3.4: a redirect is submitted by the owner, with what it lacks and without what is private", async () => {
  await using app = await testApp();
  const script = 'require ["copy", "imapsieve"]; redirect :copy "x@remote.example";';
  await happen(app, { script });
  const [entry = "", ...others] = await queued(app);
  assert.equal(others.length, 0);
  assert.match(entry, /"reversePath":"ann@example\.test"/);
  assert.match(
    entry,
    /Date: .*\r\nMessage-ID: <.*>\r\nDelivered-To: ann@example\.test\r\nFrom: Bob/,
  );
  assert.doesNotMatch(entry, /^(?:Return-Path|Bcc):/m);
  assert.deepEqual(await flagsIn(app, "Work"), [""]);
});

test("discard marks, and a mailbox that is not there keeps the message", async () => {
  await using app = await testApp();
  await happen(app, { script: 'require "imapsieve"; discard;' });
  await happen(app, { script: 'require ["fileinto", "imapsieve"]; fileinto "None";' });
  assert.deepEqual(await flagsIn(app, "Work"), ["\\Deleted", ""]);
  assert.deepEqual(await messagesOf(app.store, ann), []);
});

test("§3.11: a script that refuses is an error, which its owner hears of once", async () => {
  await using app = await testApp();
  const script = 'require ["reject", "imapsieve"]; reject "no";';
  await happen(app, { script });
  await happen(app, { script });
  const [told = "", ...others] = await messagesOf(app.store, ann);
  assert.equal(others.length, 0);
  assert.match(told, /The filter "work" of ann@example\.test could not be run/);
  assert.match(told, /messages stay as they are/);
  assert.deepEqual(await flagsIn(app, "Work"), ["", ""]);
});

test("§4.6: so is one that asks for the envelope, with its line", async () => {
  await using app = await testApp();
  const script =
    'require ["envelope", "imapsieve"];\nif envelope :contains "to" "x" { discard; }\n';
  await happen(app, { script });
  const [told = ""] = await messagesOf(app.store, ann);
  assert.match(told, /line 2: there is no envelope/);
  assert.deepEqual(await flagsIn(app, "Work"), [""]);
});

test("an event that is run again files and sends nothing twice", async () => {
  const script =
    'require ["copy", "fileinto", "enotify", "imapsieve"];\n' +
    'fileinto :copy "INBOX"; redirect :copy "x@remote.example"; notify "mailto:y@remote.example";';
  await using app = await testApp();
  const { imapEventsDirectory } = app.context.config.sieve;
  const event = await store(app, { script });
  // A crash behind the last action leaves the file where it was.
  for (let times = 1; times <= 2; times += 1) {
    const name = `${Date.UTC(2026, 0)}-000000001-0123456789abcdef-`;
    // At once, since the app is in this process and takes out what it finds empty.
    writeFileSync(join(imapEventsDirectory, name), `${JSON.stringify(event)}\n`);
    await settled(app);
    assert.equal((await messagesOf(app.store, ann)).length, 1);
    assert.equal((await queued(app)).length, 2);
  }
});

test("what is gone, and a script that is not there, are passed over", async () => {
  await using app = await testApp();
  const { paths, sieve } = app.context.config;
  await happen(app, { script: 'require "imapsieve"; discard;' });
  const writer = new EventWriter(sieve.imapEventsDirectory);
  const common = { version: 1, account: ann.address, user: ann.address, cause: "FLAG" } as const;
  await using mail = await app.store.openAccount(ann);
  const { mailboxId, uidValidity } = await mail.status("Work");
  const work = { ...common, mailbox: "Work", mailboxId, uidValidity };
  const messages = [{ uids: "5:4294967295", changedFlags: ["\\Seen"] }];
  const all = [{ uids: "1:9", changedFlags: ["\\Seen"] }];
  await writer.write({ ...work, script: "work", messages });
  await writer.write({ ...work, script: "none", messages: all });
  await writer.write({ ...work, script: "work", mailboxId: "gone", messages: all });
  await writer.write({ ...work, script: "work", uidValidity: 1, messages: all });
  await writer.write({ ...work, script: "work", account: "nobody@example.test", messages: all });
  await settled(app);
  assert.equal((await openScriptStore({ mailDirectory: paths.mail }).of(ann).list()).length, 1);
  assert.deepEqual(await flagsIn(app, "Work"), ["\\Deleted"]);
  assert.deepEqual(await messagesOf(app.store, ann), []);
});
