import assert from "node:assert/strict";
import { appendFile, readdir, rm, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import type { AccountMail, Uid } from "../src/index.ts";
import { message, snapshotOf, TestStore, uidsOf } from "./store-for-tests.ts";

function uids(...numbers: number[]): Uid[] {
  return numbers as Uid[];
}

/** Messages 1, 3 and 4 with flags, letters and keywords that have no letter; 2 was expunged. */
async function fill(files: TestStore): Promise<AccountMail> {
  const account = await files.account();
  for (const subject of ["1", "2", "3", "4"]) {
    await account.deliver("INBOX", { octets: [message(subject)] }, subject);
  }
  await using inbox = await account.openMailbox("INBOX");
  const many = Array.from({ length: 30 }, (_one, n) => `keyword${n}`);
  await inbox.changeFlags(uids(1), { mode: "add", systemFlags: ["\\Seen"], keywords: many });
  await inbox.changeFlags(uids(3), { mode: "add", systemFlags: [], keywords: ["keyword28"] });
  await inbox.expunge(uids(2));
  await account.append("Sent", [
    { octets: [message("5")], internalDateMs: Date.UTC(1999, 1, 1), keywords: ["todo"] },
  ]);
  return account;
}

async function everything(account: AccountMail) {
  return { inbox: await snapshotOf(account, "INBOX"), sent: await snapshotOf(account, "Sent") };
}

void describe("an index that is lost", { concurrency: 4 }, () => {
  test("comes back from the files with the same UIDs, flags, keywords, dates and ids", async () => {
    await using files = await TestStore.open();
    const account = await fill(files);
    const before = await everything(account);
    const { highestModSeq, uidNext } = await account.status("INBOX");
    const infos = await account.listMailboxes();
    await files.close();
    await files.removeIndex();

    const again = await files.account();
    assert.deepEqual(await everything(again), before);
    assert.deepEqual(await again.listMailboxes(), infos);
    const status = await again.status("INBOX");
    assert.ok(status.highestModSeq > highestModSeq, "HIGHESTMODSEQ is larger than any ever given");
    assert.ok(status.uidNext >= uidNext);
    const appended = await again.deliver("INBOX", { octets: [message("6")] }, "6");
    assert.ok((appended.uids[0] ?? 0) >= uidNext);
  });

  test("gives no UID twice when the last lines of dovecot-uidlist are lost with it", async () => {
    await using files = await TestStore.open();
    const account = await fill(files);
    await using inbox = await account.openMailbox("INBOX");
    await inbox.expunge(uids(4));
    await files.close();
    await files.removeIndex();
    await truncate(join(files.annPath, "dovecot-uidlist"), 60);

    const again = await files.account();
    const { uids: given } = await again.deliver("INBOX", { octets: [message("6")] }, "6");
    assert.ok((given[0] ?? 0) > 4);
    await using reopened = await again.openMailbox("INBOX");
    assert.ok(uidsOf(reopened).every((uid) => uid > 4 || uid === 1));
  });

  test("is set aside and made anew when it is damaged, with one line in the log", async () => {
    await using files = await TestStore.open();
    const before = await everything(await fill(files));
    await files.close();
    await writeFile(join(files.annPath, "index.sqlite"), "this is no database, ".repeat(1000));
    assert.deepEqual(await everything(await files.account()), before);
    assert.match(
      files.logged.join("\n"),
      /^Set aside the index of ".*" as .*: file is not a database$/,
    );
    const names = await readdir(files.annPath);
    assert.equal(names.filter((name) => name.startsWith("index.sqlite.damaged-")).length, 1);
  });

  test("comes back also while sessions have its mailboxes open", async () => {
    await using files = await TestStore.open();
    const account = await fill(files);
    await using inbox = await account.openMailbox("INBOX");
    await files.removeIndex();
    const { vanished, added } = await inbox.sync(inbox.columns);
    assert.deepEqual([vanished, added], [[], []]);
    const { uids: given } = await account.deliver("INBOX", { octets: [message("6")] }, "6");
    await inbox.sync(inbox.columns);
    assert.deepEqual(uidsOf(inbox), [1, 3, 4, ...given]);
  });

  test("leaves dovecot-uidlist what it knows until the index is filled from it, broken lines or not", async () => {
    await using files = await TestStore.open();
    const before = await everything(await fill(files));
    await files.close();
    await files.removeIndex();
    await appendFile(join(files.annPath, "dovecot-uidlist"), "half a li");
    const again = await files.account();
    const { uids: given } = await again.deliver("INBOX", { octets: [message("6")] }, "6");
    const { inbox } = await everything(again);
    assert.deepEqual(inbox.messages.slice(0, 3), before.inbox.messages);
    assert.deepEqual(
      inbox.messages.slice(3).map(({ uid }) => uid),
      given,
    );
  });

  test("is not needed for dovecot-uidlist: that is written anew from it", async () => {
    await using files = await TestStore.open();
    const account = await fill(files);
    const before = await everything(account);
    await rm(join(files.annPath, "dovecot-uidlist"));
    await account.deliver("INBOX", { octets: [message("6")] }, "6");
    await files.close();
    await files.removeIndex();
    const after = await everything(await files.account());
    assert.deepEqual(after.inbox.messages.slice(0, 3), before.inbox.messages);
    assert.equal(after.inbox.uidValidity, before.inbox.uidValidity);
    assert.equal(after.inbox.messages[3]?.uid, 5);
  });
});
