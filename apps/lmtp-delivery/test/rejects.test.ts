import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { type MailStore, openScriptStore } from "@posthouse/mailbox-store";
import {
  ENVELOPE_VERSION,
  envelopeToLmtpParameters,
  LmtpPool,
  newMessageId,
} from "@posthouse/smtp";
import { limits } from "../src/limits.ts";
import { RejectsExpiry } from "../src/rejects-expiry.ts";
import { type TestApp, testApp } from "./test-app.ts";

const DAY_MS = 24 * 3600 * 1000;
const ann = { id: "ann".padEnd(16, "0"), address: "ann@example.test" };

/** Hands over a message that a filter had put among the rejects. */
async function putAside(app: TestApp): Promise<void> {
  await using pool = new LmtpPool({
    socketPath: app.socketPath,
    heloName: "smtp-in",
    sizeMax: 1,
    idleMs: 1000,
  });
  const nowMs = Date.now();
  const { reply } = await pool.use(async (session) => {
    const { recipients } = await session.send({
      ...envelopeToLmtpParameters({
        version: ENVELOPE_VERSION,
        messageId: newMessageId(nowMs),
        receivedAtMs: nowMs,
        client: { address: "192.0.2.1", helo: "remote.example", protocol: "ESMTP" },
        reversePath: "bob@remote.example",
        recipients: [{ address: ann.address, originalAddress: "team@example.test", isLocal: true }],
        body: "8BITMIME",
        smtpUtf8: false,
        requireTls: false,
        priority: 0,
        verdicts: { "file-into": "rejects", "file-reason": "clamd found Worm.Test" },
      }),
      reversePath: "bob@remote.example",
      body: "8BITMIME",
      octets: (async function* () {
        yield Buffer.from("Subject: a worm\r\n\r\nText\r\n");
      })(),
    });
    return recipients[0] ?? { reply: undefined };
  });
  assert.equal(reply?.code, 250);
}

/** UID and keywords of what is in Rejects. */
async function rejectsOf(store: MailStore): Promise<readonly string[]> {
  await using mail = await store.openAccount(ann);
  await using mailbox = await mail.openMailbox("Rejects", { readOnly: true });
  const { uids, keywordSet, keywordSets } = mailbox.columns;
  return [...uids].map((uid, row) => `${uid} ${keywordSets[keywordSet[row] ?? -1]?.join(" ")}`);
}

const listFile = ({ context }: TestApp) => join(context.config.lmtp.stateDirectory, "rejects");

const expiryOf = (app: TestApp, keepDays: number, laterMs: number) =>
  RejectsExpiry.open({
    path: listFile(app),
    store: app.store,
    auth: app.directory,
    keepMs: keepDays * DAY_MS,
    log: app.context.log,
    now: () => Date.now() + laterMs,
  });

for (const script of [undefined, "keep;"]) {
  test(`what a filter had put aside is marked ${script === undefined ? "without" : "with"} a script of its owner, and goes after its time`, async () => {
    await using app = await testApp();
    if (script !== undefined) {
      const scripts = openScriptStore({ mailDirectory: app.context.config.paths.mail }).of(ann);
      await (await app.store.openAccount(ann))[Symbol.asyncDispose]();
      await scripts.put("test", Buffer.from(script));
      await scripts.activate("test");
    }
    await putAside(app);
    await putAside(app);
    assert.deepEqual(await rejectsOf(app.store), ["1 $Rejected", "2 $Rejected"]);
    assert.equal(await readFile(listFile(app), "utf8"), "ann@example.test\n");
    {
      await using expiry = await expiryOf(app, 30, 30 * DAY_MS - 60_000);
      await expiry.sweep();
      assert.equal((await rejectsOf(app.store)).length, 2);
    }
    await using expiry = await expiryOf(app, 30, 30 * DAY_MS + 60_000);
    await expiry.sweep();
    assert.deepEqual(await rejectsOf(app.store), []);
    assert.equal(await readFile(listFile(app), "utf8"), "");
  });
}

test("mail that its owner has in Rejects stays, and so does what he took the mark from", async () => {
  await using app = await testApp();
  await putAside(app);
  {
    await using mail = await app.store.openAccount(ann);
    await mail.append("Rejects", [{ octets: [Buffer.from("Subject: mine\r\n\r\n")] }]);
    await using mailbox = await mail.openMailbox("Rejects");
    const [uid] = (
      await mail.append("Rejects", [
        { octets: [Buffer.from("Subject: kept\r\n\r\n")], keywords: ["$Rejected"] },
      ])
    ).uids;
    assert.ok(uid);
    await mailbox.changeFlags([uid], {
      mode: "remove",
      systemFlags: [],
      keywords: ["$Rejected"],
    });
  }
  await using expiry = await expiryOf(app, 1, 2 * DAY_MS);
  await expiry.sweep();
  assert.deepEqual(
    (await rejectsOf(app.store)).map((one) => one.trim()),
    ["2", "3"],
  );
});

test("a sweep forgets who is gone, not who was announced, and passes over what it cannot open", async () => {
  await using app = await testApp();
  await writeFile(listFile(app), "gone@example.test\nhalf a line");
  await using expiry = await expiryOf(app, 1, 0);
  await expiry.note("bob@example.test");
  app.directory.isDown = true;
  await expiry.sweep();
  app.directory.isDown = false;
  await expiry.sweep();
  assert.equal(await readFile(listFile(app), "utf8"), "bob@example.test\n");
  assert.ok(limits.rejectsNotedMs > 0);
});
