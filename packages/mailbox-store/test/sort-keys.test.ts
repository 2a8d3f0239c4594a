import assert from "node:assert/strict";
import { readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import Database from "better-sqlite3";
import type { AccountMail, Mailbox, Uid } from "../src/index.ts";
import { message, TestStore } from "./store-for-tests.ts";

const headerOf = (lines: readonly string[]): Buffer =>
  Buffer.from([...lines, "", "Hello", ""].join("\r\n"));

async function keysOf(account: AccountMail, name = "INBOX", uids?: readonly number[]) {
  await using mailbox: Mailbox = await account.openMailbox(name);
  const rows = await Array.fromAsync(
    mailbox.sortKeys((uids ?? [...mailbox.columns.uids]) as Uid[], [
      "subject",
      "isReply",
      "from",
      "displayTo",
      "sentMs",
      "references",
    ]),
  );
  return rows
    .flat()
    .sort(([one], [other]) => one - other)
    .map(([uid, subject, isReply, from, displayTo, sentMs, references]) => ({
      uid,
      subject,
      isReply,
      from,
      displayTo,
      sentMs,
      references: (references?.length ?? 0) / 8,
    }));
}

const reply = headerOf([
  "From: Smith <smith@example.com>",
  "To: =?utf-8?q?J=C3=BCrgen?= <j@example.org>",
  "Date: Mon, 7 Feb 1994 21:52:25 -0800",
  "Subject: Re: [list] gruß",
  "References: <1@x> <2@x>",
  "In-Reply-To: <9@x>",
]);
const replyKeys = {
  subject: "GRUß",
  isReply: 1,
  from: "SMITH",
  displayTo: "JU\u0308RGEN",
  sentMs: Date.UTC(1994, 1, 8, 5, 52, 25),
  references: 2,
};

test("sort keys are kept with a message, go along with its copies, and go with it", async () => {
  await using store = await TestStore.open();
  const account = await store.account();
  await account.append("INBOX", [{ octets: [message("one")] }, { octets: [reply] }]);
  assert.deepEqual((await keysOf(account)).at(1), { uid: 2, ...replyKeys });
  {
    await using inbox = await account.openMailbox("INBOX");
    await inbox.copy([2 as Uid], "Archive");
    await inbox.expunge([2 as Uid]);
  }
  assert.deepEqual(await keysOf(account, "Archive"), [{ uid: 1, ...replyKeys }]);
  assert.deepEqual(
    (await keysOf(account)).map(({ uid }) => uid),
    [1],
  );
  await account.deleteMailbox("Archive");
  await store.close();
  const database = new Database(join(store.annPath, "index.sqlite"), { readonly: true });
  assert.equal(database.prepare("SELECT count(*) FROM sortKeys").pluck().get(), 1);
  database.close();
});

test("sort keys that the index has not are read from the files, and kept", async () => {
  await using store = await TestStore.open();
  let account = await store.account();
  await account.append("INBOX", [{ octets: [message("one")] }, { octets: [reply] }]);
  const before = await keysOf(account);
  await writeFile(
    join(store.annPath, "cur", "1.foreign.host:2,"),
    reply.toString().replaceAll("\r\n", "\n"),
  );
  await store.close();
  await store.removeIndex();
  account = await store.account();
  const after = await keysOf(account);
  assert.deepEqual(after.slice(0, 2), before);
  assert.deepEqual(after.at(2), { uid: after.at(2)?.uid, ...replyKeys });
  await store.close();
  const database = new Database(join(store.annPath, "index.sqlite"), { readonly: true });
  assert.equal(database.prepare("SELECT count(*) FROM sortKeys").pluck().get(), 3);
  database.close();
  assert.equal((await readdir(join(store.annPath, "cur"))).length, 3);
});

test("few of many messages and all of them have the same sort keys", async () => {
  await using store = await TestStore.open();
  const account = await store.account();
  const subjects = Array.from({ length: 40 }, (_, at) => `subject ${at}`);
  await account.append(
    "INBOX",
    subjects.map((subject) => ({ octets: [message(subject)] })),
  );
  const all = await keysOf(account);
  assert.deepEqual(
    all.map(({ subject }) => subject),
    subjects.map((subject) => subject.toUpperCase()),
  );
  for (const uids of [
    [7],
    [1, 40],
    [3, 4, 5, 999],
    Array.from({ length: 30 }, (_, at) => at + 5),
  ]) {
    assert.deepEqual(
      await keysOf(account, "INBOX", uids),
      all.filter(({ uid }) => uids.includes(uid)),
    );
  }
  assert.deepEqual(await keysOf(account, "INBOX", []), []);
});
