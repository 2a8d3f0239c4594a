import assert from "node:assert/strict";
import { readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import Database from "better-sqlite3";
import { StoreError, type Uid } from "../src/index.ts";
import { message, octetsOf, snapshotOf, TestStore, uidsOf } from "./store-for-tests.ts";

function isUnavailable(error: unknown): boolean {
  return error instanceof StoreError && error.code === "unavailable";
}

/** Makes every transaction that gives out a UID or a modseq fail at its very end, and every rename, as a full disk does. */
function breakCommits(files: TestStore): Disposable {
  const run = (sql: string) => {
    const database = new Database(join(files.annPath, "index.sqlite"));
    database.exec(sql);
    database.close();
  };
  for (const [name, change] of [
    ["diskIsFull", "UPDATE OF uidNext ON mailboxes"],
    ["diskIsFullToo", "UPDATE ON files"],
  ]) {
    run(`CREATE TRIGGER ${name} BEFORE ${change}
         BEGIN SELECT RAISE(ROLLBACK, 'the disk is full'); END`);
  }
  return { [Symbol.dispose]: () => run("DROP TRIGGER diskIsFull; DROP TRIGGER diskIsFullToo") };
}

for (const format of ["maildir", "mbox"] as const) {
  test(`a commit that fails takes back what was stored in ${format}, and loses nothing`, async () => {
    await using files = await TestStore.open({}, format);
    const account = await files.account();
    for (const subject of ["1", "2"]) {
      await account.deliver("INBOX", { octets: [message(subject)] }, subject);
    }
    await using inbox = await account.openMailbox("INBOX");
    const uids = [1, 2] as Uid[];
    const before = await snapshotOf(account, "INBOX");
    {
      using _broken = breakCommits(files);
      await Promise.all([
        assert.rejects(account.deliver("INBOX", { octets: [message("3")] }, "3"), isUnavailable),
        assert.rejects(account.append("Sent", [{ octets: [message("4")] }]), isUnavailable),
        assert.rejects(inbox.copy(uids, "Archive"), isUnavailable),
        assert.rejects(inbox.move(uids, "Trash"), isUnavailable),
        assert.rejects(
          inbox.changeFlags(uids, { mode: "add", systemFlags: ["\\Seen"], keywords: [] }),
          isUnavailable,
        ),
      ]);
    }
    assert.deepEqual(await readdir(join(files.annPath, "tmp")), []);
    assert.deepEqual(await snapshotOf(account, "INBOX"), before);
    for (const name of ["Sent", "Archive", "Trash"]) {
      assert.deepEqual((await snapshotOf(account, name)).messages, [], name);
    }
    assert.deepEqual(await octetsOf(inbox, 2), message("2"));
    assert.deepEqual(await account.check(), []);
    await account.deliver("INBOX", { octets: [message("3")] }, "3");
    await inbox.sync(inbox.columns);
    assert.equal(uidsOf(inbox).length, 3);
  });
}

test("an expunge whose commit fails is found by the next sync", async () => {
  await using files = await TestStore.open();
  const account = await files.account();
  await account.deliver("INBOX", { octets: [message("1")] }, "1");
  await using inbox = await account.openMailbox("INBOX");
  {
    using _broken = breakCommits(files);
    await assert.rejects(inbox.expunge([1] as Uid[]), isUnavailable);
  }
  const { vanished } = await inbox.sync(inbox.columns);
  assert.deepEqual(vanished, [1]);
});

test("while nothing can be committed, what is there is opened, counted and read as it was", async () => {
  await using files = await TestStore.open();
  const account = await files.account();
  await account.deliver("INBOX", { octets: [message("1")] }, "1");
  // Before its first whole scan nobody knows what a mailbox has.
  await snapshotOf(account, "INBOX");
  await writeFile(join(files.annPath, "new", "1700000001.a.mutt"), message("2"));
  {
    using _broken = breakCommits(files);
    await using inbox = await account.openMailbox("INBOX");
    assert.deepEqual(uidsOf(inbox), [1]);
    assert.deepEqual([...(await inbox.claimRecent())], [1]);
    assert.deepEqual(await octetsOf(inbox, 1), message("1"));
    assert.equal((await account.status("INBOX")).messages, 1);
  }
  await using inbox = await account.openMailbox("INBOX");
  assert.deepEqual(uidsOf(inbox), [1, 2]);
  assert.deepEqual([...(await inbox.claimRecent())], [1, 2]);
});

test("deliveries to many accounts at once are all there, and one that fails fails alone", async () => {
  await using files = await TestStore.open();
  const refs = Array.from({ length: 8 }, (_one, n) => ({
    id: `${n}`,
    address: `${n}@example.org`,
  }));
  const accounts = await Promise.all(refs.map((ref) => files.account(ref)));
  const broken = new Database(join(files.mailDirectory, "example.org", "3", "index.sqlite"));
  broken.exec(`CREATE TRIGGER diskIsFull BEFORE UPDATE OF uidNext ON mailboxes
    BEGIN SELECT RAISE(ROLLBACK, 'the disk is full'); END`);
  broken.close();
  const outcomes = await Promise.allSettled(
    accounts.map((account, n) =>
      account.deliver("INBOX", { octets: [message(`${n}`)] }, "same id"),
    ),
  );
  assert.deepEqual(
    outcomes.map(({ status }) => status),
    accounts.map((_one, n) => (n === 3 ? "rejected" : "fulfilled")),
  );
  const counts = await Promise.all(
    accounts
      .filter((_one, n) => n !== 3)
      .map(async (account) => (await account.status("INBOX")).messages),
  );
  assert.deepEqual(
    counts,
    counts.map(() => 1),
  );
});
