import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdir, rename, rmdir } from "node:fs/promises";
import { test } from "node:test";
import { message, TestStore, uidsOf } from "./store-for-tests.ts";

const bob = { id: "account-bob", address: "bob@example.org" };
const unavailable = { name: "StoreError", code: "unavailable" };

test("a mail directory that went away is unavailable, and not a house of empty accounts", async () => {
  await using files = await TestStore.open();
  const account = await files.account();
  await account.deliver("INBOX", { octets: [message("before")] }, "before");
  const away = `${files.mailDirectory}-away`;
  await rename(files.mailDirectory, away);
  try {
    await assert.rejects(files.account(bob), unavailable);
    await assert.rejects(account.status("INBOX"), unavailable);
    await assert.rejects(account.deliver("INBOX", { octets: [message("x")] }, "x"), unavailable);
    assert.equal(existsSync(files.mailDirectory), false);
    // As an empty mount point.
    await mkdir(files.mailDirectory);
    await assert.rejects(files.account(bob), unavailable);
    await assert.rejects(account.status("INBOX"), unavailable);
    await rmdir(files.mailDirectory);
  } finally {
    await rename(away, files.mailDirectory);
  }
  await account.deliver("INBOX", { octets: [message("after")] }, "after");
  await using inbox = await account.openMailbox("INBOX");
  assert.deepEqual(uidsOf(inbox), [1, 2]);
  assert.equal((await (await files.account(bob)).status("INBOX")).messages, 0);
});
