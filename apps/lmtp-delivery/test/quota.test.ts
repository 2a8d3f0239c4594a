import assert from "node:assert/strict";
import { test } from "node:test";
import { openScriptStore, type Uid } from "@posthouse/mailbox-store";
import { TEST_TOML } from "@posthouse/service";
import { connectSmtp } from "@posthouse/smtp";
import { accountFor, replyWhenFull } from "../src/quota.ts";
import { type TestApp, testApp } from "./test-app.ts";

/** The codes that a message, of a foreign MTA, is answered with. */
async function send(app: TestApp, to: string, from = "bob@remote.example"): Promise<string> {
  const session = await connectSmtp({
    flavour: "lmtp",
    host: "127.0.0.1",
    port: app.port,
    heloName: "mx.remote.example",
    tls: { mode: "off" },
  });
  async function* octets() {
    yield Buffer.from("Subject: one more\r\n\r\nHello.\r\n");
  }
  const { recipients } = await session.send({
    reversePath: from,
    recipients: [{ address: to }],
    octets: octets(),
  });
  await session.quit();
  const reply = recipients[0]?.reply;
  return `${reply?.code} ${reply?.enhanced}`;
}

const subjectsOf = async (app: TestApp, name: string) =>
  (await app.inboxOf(name)).map((message) => /^Subject: (.*)\r$/m.exec(message)?.[1]);

async function expungeAll(app: TestApp, name: string): Promise<void> {
  const account = await app.directory.findAccount(`${name}@example.test`);
  assert.ok(account);
  await using mail = await app.store.openAccount(account);
  await using inbox = await mail.openMailbox("INBOX");
  const uids = [...inbox.columns.uids] as Uid[];
  await inbox.expunge(uids);
}

test("the owner is told at 80 and at 95 % of a quota, once each until it is below again", async () => {
  await using app = await testApp();
  for (let count = 1; count <= 7; count++) await send(app, "ten@example.test");
  assert.equal((await app.inboxOf("ten")).length, 7);
  await send(app, "ten@example.test");
  const warnedAt80 = await subjectsOf(app, "ten");
  assert.deepEqual(warnedAt80.slice(7), ["one more", "Your mailbox is 80 % full"]);
  // The warning is a message too: the tenth fills it.
  await send(app, "ten@example.test");
  assert.deepEqual((await subjectsOf(app, "ten")).slice(9), [
    "one more",
    "Your mailbox is 95 % full",
  ]);
  assert.equal(await send(app, "ten@example.test"), "452 4.2.2");

  await expungeAll(app, "ten");
  for (let count = 1; count <= 8; count++) await send(app, "ten@example.test");
  assert.deepEqual((await subjectsOf(app, "ten")).slice(8), ["Your mailbox is 80 % full"]);
});

test("a notification is delivered to a full mailbox too", async () => {
  await using app = await testApp();
  await send(app, "small@example.test");
  assert.equal(await send(app, "small@example.test"), "452 4.2.2");
  assert.equal(await send(app, "small@example.test", ""), "250 2.0.0");
});

test("mail to postmaster always fits, and that to others does not", () => {
  const account = { id: "a", address: "ann@example.test", quotaBytes: 1, quotaMessages: 1 };
  const from = { reversePath: "bob@remote.example" };
  const unlimited = { id: "a", address: "ann@example.test" };
  assert.deepEqual(accountFor(account, from, "Postmaster@example.test"), unlimited);
  assert.deepEqual(accountFor(account, from, "postmaster"), unlimited);
  assert.equal(accountFor(account, from, "postmaster2@example.test"), account);
  assert.deepEqual(accountFor(account, { reversePath: "" }, "ann@example.test"), unlimited);
});

test("a full mailbox puts mail off for three days, and then refuses it", async () => {
  await using app = await testApp();
  await send(app, "ann@example.test");
  const account = { id: "ann", address: "ann@example.test" };
  const scripts = openScriptStore({ mailDirectory: app.context.config.paths.mail }).of(account);
  const dayMs = 24 * 3600 * 1000;
  const codeAfter = async (days: number) => (await replyWhenFull(scripts, days * dayMs)).code;
  assert.deepEqual(
    [await codeAfter(1), await codeAfter(3.9), await codeAfter(4.1), await codeAfter(30)],
    [452, 452, 552, 552],
  );
});

test("a subaddress names a mailbox, where that is switched on", async () => {
  const toml = TEST_TOML.replace("[lmtp]\n", "[lmtp]\nsubaddress_folders = true\n");
  await using app = await testApp(toml);
  const account = await app.directory.findAccount("ann@example.test");
  assert.ok(account);
  await using mail = await app.store.openAccount(account);
  await mail.createMailbox("Lists");
  await send(app, "ann+lists@example.test");
  await send(app, "ann+other@example.test");
  const { messages } = await mail.status("Lists");
  assert.equal(messages, 1);
  assert.equal((await app.inboxOf("ann")).length, 1);
});
