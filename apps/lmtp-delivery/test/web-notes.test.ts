import assert from "node:assert/strict";
import { rm } from "node:fs/promises";
import { test } from "node:test";
import { SpoolReader } from "@posthouse/file-spool";
import { openScriptStore } from "@posthouse/mailbox-store";
import { TEST_TOML, webhooksDirectoryOf } from "@posthouse/service";
import { connectTo, parseTranscript, playTranscript } from "@posthouse/transcript";
import { parseNote, type WebhookNote } from "@posthouse/webhooks";
import { type TestApp, testApp } from "./test-app.ts";

const toml = `${TEST_TOML}\n[sieve]\nnotify_hosts = ["hooks.example.org"]\n`;

/** A message from outside to this account; the first word of the answer. */
async function deliver(app: TestApp, name: string): Promise<void> {
  const dialogue = `S: 220 $*
C: LHLO client.example
S: ...
S: 250 $*
C: MAIL FROM:<bob@remote.example>
S: 250 $*
C: RCPT TO:<${name}@example.test>
S: 250 $*
C: DATA
S: 354 $*
C: From: =?utf-8?q?B=C3=B6b?= <bob@remote.example>
C: Subject: Hello
C: Message-ID: <1@remote.example>
C:
C: Text
C: .
S: 250 $*
`;
  await playTranscript(parseTranscript(dialogue), { connect: () => connectTo({ port: app.port }) });
}

async function notesOf({ context }: TestApp): Promise<readonly WebhookNote[]> {
  const directory = webhooksDirectoryOf(context.config);
  const reader = new SpoolReader({ directory, bytesMax: 100_000 });
  const texts = await Promise.all((await reader.list()).map((name) => reader.read(name)));
  return texts.map((text) => parseNote(text ?? "")).filter((note) => note !== undefined);
}

async function useScript(app: TestApp, script: string): Promise<void> {
  const account = await app.directory.findAccount("hooked@example.test");
  assert.ok(account);
  await using mail = await app.store.openAccount(account);
  await mail.listMailboxes();
  const scripts = openScriptStore({ mailDirectory: app.context.config.paths.mail }).of(account);
  await scripts.put("test", Buffer.from(script));
  await scripts.activate("test");
}

const fields = {
  from: "Böb <bob@remote.example>",
  subject: "Hello",
  messageId: "<1@remote.example>",
};

test("a delivery to an account with a webhook leaves a note, and to others none", async () => {
  await using app = await testApp(toml);
  await deliver(app, "hooked");
  await deliver(app, "ann");
  const [note, ...others] = await notesOf(app);
  assert.equal(others.length, 0);
  assert.equal(note?.account, "hooked".padEnd(16, "0"));
  assert.equal(note?.url, undefined);
  const { type, data } = JSON.parse(note?.body ?? "") as { type: string; data: object };
  assert.equal(type, "mail.delivered");
  const { sizeBytes, ...said } = data as { readonly sizeBytes: number };
  assert.ok(sizeBytes > 100);
  assert.deepEqual(said, { account: "hooked@example.test", mailbox: "INBOX", uid: 1, ...fields });
});

test("a filter says where to, and notifies the listed web server: RFC 5435 §3", async () => {
  await using app = await testApp(toml);
  const script = `require ["enotify", "fileinto", "mailbox"];
    if valid_notify_method ["https://hooks.example.org/x"] {
      notify :importance "1" :message "Look" "https://hooks.example.org/x";
    }
    if valid_notify_method "https://other.example.org/x" { discard; }
    fileinto :create "Lists";`;
  await useScript(app, script);
  await deliver(app, "hooked");
  const notes = await notesOf(app);
  const told = notes.map(({ url, body }) => {
    const { type, data } = JSON.parse(body) as { type: string; data: Record<string, unknown> };
    return [type, url, data.mailbox, data.message, data.importance, data.subject];
  });
  assert.deepEqual(told, [
    ["mail.delivered", undefined, "Lists", undefined, undefined, "Hello"],
    ["mail.notify", "https://hooks.example.org/x", undefined, "Look", 1, "Hello"],
  ]);
});

test("what cannot be notified is an error of the filter, and mail is in INBOX", async () => {
  await using app = await testApp(toml);
  await useScript(app, 'require "enotify"; notify "https://127.0.0.1/x"; discard;');
  await deliver(app, "hooked");
  assert.equal((await app.inboxOf("hooked")).length, 2);
});

test("mail does not wait for a note that cannot be written", async () => {
  await using app = await testApp(toml);
  await rm(webhooksDirectoryOf(app.context.config), { recursive: true });
  await deliver(app, "hooked");
  assert.equal((await app.inboxOf("hooked")).length, 1);
});
