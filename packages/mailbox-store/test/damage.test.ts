import assert from "node:assert/strict";
import { cp, open, readdir, rm, stat, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import Database from "better-sqlite3";
import fc from "fast-check";
import type { AccountMail, Uid } from "../src/index.ts";
import { message, octetsOf, snapshotOf, TestStore, uidsOf } from "./store-for-tests.ts";

/**
 * One account with a bit of everything, copied for each test. Its index is kept twice: closed, and as a
 * process leaves it that is killed, with most of it still in the write-ahead log.
 */
let template: TestStore;
let expected: Awaited<ReturnType<typeof everything>>;
let modSeqs: Map<string, number>;
const copyOptions = { recursive: true, preserveTimestamps: true };

async function everything(account: AccountMail) {
  const mailboxes = await account.listMailboxes();
  const contents = [];
  for (const { name } of mailboxes) contents.push(await contentOf(account, name));
  const server = await account.annotations(undefined, { entries: ["/shared"], depth: "infinity" });
  return { mailboxes, contents, server };
}

async function contentOf(account: AccountMail, name: string) {
  const snapshot = await snapshotOf(account, name);
  await using mailbox = await account.openMailbox(name, { readOnly: true });
  const summaries = (await Array.fromAsync(mailbox.summaries(uidsOf(mailbox) as Uid[]))).flat();
  const octets = [];
  for (const uid of mailbox.columns.uids) octets.push(String(await octetsOf(mailbox, uid)));
  return {
    ...snapshot,
    octets,
    ids: summaries.map(({ emailId, threadId }) => [emailId, threadId]),
    annotations: await account.annotations(name, {
      entries: ["/private", "/shared"],
      depth: "infinity",
    }),
    rights: await account.rights(name),
  };
}

async function highestModSeqs(account: AccountMail): Promise<Map<string, number>> {
  const modSeqs = new Map<string, number>();
  for (const { name } of await account.listMailboxes()) {
    modSeqs.set(name, (await account.status(name)).highestModSeq);
  }
  return modSeqs;
}

async function fill(account: AccountMail): Promise<void> {
  for (let n = 1; n <= 30; n += 1) {
    await account.deliver("INBOX", { octets: [message(`${n}`)] }, `${n}`);
  }
  await using inbox = await account.openMailbox("INBOX");
  await inbox.claimRecent();
  const many = Array.from({ length: 30 }, (_one, n) => `keyword${n}`);
  await inbox.changeFlags([1, 2] as Uid[], {
    mode: "add",
    systemFlags: ["\\Seen"],
    keywords: many,
  });
  await inbox.expunge([3, 7] as Uid[]);
  await inbox.copy([4, 5] as Uid[], "Archive");
  await account.append("Sent", [
    { octets: [message("sent")], internalDateMs: Date.UTC(1999, 1, 1), keywords: ["todo"] },
  ]);
  await account.createMailbox("Work/Plans");
  await account.setSpecialUse("Archive", ["\\All"]);
  await account.setSubscribed("Work", true);
  const value = Buffer.from("a comment");
  await account.setAnnotations("Work", [{ entry: "/shared/comment", value }]);
  await account.setAnnotations("Work", [{ entry: "/private/comment", value }], { user: "bob" });
  await account.setAnnotations(undefined, [{ entry: "/shared/comment", value }]);
  await account.setRights("Work", "bob", { mode: "replace", rights: "lrs" });
}

before(async () => {
  template = await TestStore.open();
  const account = await template.account();
  await fill(account);
  expected = await everything(account);
  modSeqs = await highestModSeqs(account);
});

after(async () => {
  await template[Symbol.asyncDispose]();
});

/** As of a process that is there, or was until it was killed: the log has not been written back. */
async function copyOfTemplate(): Promise<TestStore> {
  const files = await TestStore.open();
  await cp(template.mailDirectory, files.mailDirectory, copyOptions);
  return files;
}

async function assertServed(files: TestStore): Promise<void> {
  const account = await files.account();
  assert.deepEqual(await everything(account), expected);
  for (const [name, before] of modSeqs) {
    assert.ok((await account.status(name)).highestModSeq >= before, `modseq of ${name}`);
  }
}

async function scribble(path: string, at: number, octets: Uint8Array): Promise<void> {
  const file = await open(path, "r+");
  try {
    await file.write(octets, 0, octets.length, at);
  } finally {
    await file.close();
  }
}

void describe("an index that is damaged", { concurrency: 2 }, () => {
  test("comes back with everything when it is deleted, and with a larger HIGHESTMODSEQ", async () => {
    await using files = await copyOfTemplate();
    await files.removeIndex();
    await assertServed(files);
    const account = await files.account();
    for (const [name, before] of modSeqs) {
      assert.ok((await account.status(name)).highestModSeq > before);
    }
    await using inbox = await account.openMailbox("INBOX");
    const { isHistoryWhole, vanished } = await inbox.changesSince(1 as never);
    assert.equal(isHistoryWhole, false);
    assert.deepEqual(vanished.slice(0, 2), [
      { first: 3, last: 3 },
      { first: 7, last: 7 },
    ]);
    assert.deepEqual(await account.check(), []);
  });

  for (const { name, damage } of [
    { name: "is cut", damage: (path: string) => truncate(path, 9_000) },
    { name: "is empty", damage: (path: string) => truncate(path, 0) },
    {
      name: "is no database",
      damage: (path: string) => writeFile(path, "no database ".repeat(999)),
    },
    {
      name: "has garbage for a log",
      damage: (path: string) => writeFile(`${path}-wal`, "x".repeat(9_000)),
    },
    {
      name: "holds another program's tables",
      damage: async (path: string) => {
        for (const suffix of ["", "-wal", "-shm"]) await rm(path + suffix, { force: true });
        const other = new Database(path);
        other.exec("CREATE TABLE mailboxes (x)");
        other.close();
      },
    },
    {
      name: "has another version in its header than inside",
      damage: async (path: string) => {
        const database = new Database(path);
        database.pragma("user_version = 77");
        database.close();
      },
    },
  ]) {
    test(`is set aside when it ${name}, with a line in the log`, async () => {
      await using files = await copyOfTemplate();
      // Written back from the log, so that there is nothing to mend it with.
      await files.account();
      await files.close();
      await damage(join(files.annPath, "index.sqlite"));
      await assertServed(files);
      // Of nothing there is nothing to set aside.
      if (name === "is empty") return;
      assert.match(files.logged.join("\n"), /Set aside the index of ".*" as index.sqlite.damaged-/);
    });
  }

  test("is replaced also when the damage shows only while sessions have mailboxes open", async () => {
    await using files = await copyOfTemplate();
    const account = await files.account();
    await using inbox = await account.openMailbox("INBOX");
    const uids = uidsOf(inbox);
    const path = join(files.annPath, "index.sqlite");
    // Out of the log first, so that the pages are read from where the damage is.
    const database = new Database(path);
    database.pragma("wal_checkpoint(TRUNCATE)");
    database.close();
    const { size } = await stat(path);
    await scribble(path, 4096, Buffer.alloc(size - 4096, 0xa5));
    await using sent = await account.openMailbox("Sent");
    assert.deepEqual(uidsOf(sent), [1]);
    const { uids: given } = await account.deliver("INBOX", { octets: [message("31")] }, "31");
    await inbox.sync(inbox.columns);
    assert.deepEqual(uidsOf(inbox), [...uids, ...given]);
    await inbox.changeFlags(given, { mode: "add", systemFlags: ["\\Seen"], keywords: [] });
    assert.deepEqual(await octetsOf(inbox, given[0] ?? 0), message("31"));
    assert.match(files.logged.join("\n"), /Set aside the index/);
  });

  test("is replaced when it is cut while it is open", async () => {
    await using files = await copyOfTemplate();
    const account = await files.account();
    await using inbox = await account.openMailbox("INBOX");
    const path = join(files.annPath, "index.sqlite");
    const database = new Database(path);
    database.pragma("wal_checkpoint(TRUNCATE)");
    database.close();
    await truncate(path, 4096);
    await account.deliver("INBOX", { octets: [message("31")] }, "31");
    await inbox.sync(inbox.columns);
    assert.equal(uidsOf(inbox).length, 29);
    assert.equal((await account.status("Archive")).messages, 2);
  });

  test("serves clients whatever octets are written into it, and a repair makes it whole", async () => {
    const spot = fc.record({
      file: fc.constantFrom("index.sqlite", "index.sqlite", "index.sqlite-wal"),
      place: fc.double({ min: 0, max: 1, noNaN: true }),
      octets: fc.uint8Array({ minLength: 1, maxLength: 600 }),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(spot, { minLength: 1, maxLength: 6 }),
        fc.boolean(),
        async (spots, isClosed) => {
          await using files = await copyOfTemplate();
          if (isClosed) {
            await files.account();
            await files.close();
          }
          for (const { file, place, octets } of spots) {
            const path = join(files.annPath, file);
            const size = (await stat(path).catch(() => undefined))?.size ?? 0;
            if (size > 0) await scribble(path, Math.floor(place * size), octets);
          }
          const account = await files.account();
          // Whatever it says now, it is said: no error reaches a client.
          for (const { name, exists } of await account.listMailboxes()) {
            if (exists) await snapshotOf(account, name);
          }
          const { uids } = await account.append("Junk", [{ octets: [message("new")] }]);
          await account.check({ repair: true });
          assert.deepEqual(await account.check(), []);
          const { mailboxes, contents, server } = await everything(account);
          const junk = expected.mailboxes.findIndex(({ name }) => name === "Junk");
          const found = contents[junk];
          assert.deepEqual(
            found?.messages.map(({ uid }) => uid),
            uids,
          );
          assert.deepEqual(mailboxes, expected.mailboxes);
          assert.deepEqual(server, expected.server);
          for (const [at, content] of contents.entries()) {
            if (at !== junk) assert.deepEqual(content, expected.contents[at]);
          }
        },
      ),
      { numRuns: Number(process.env.POSTHOUSE_DAMAGES ?? 5), endOnFailure: true },
    );
  });

  test("is read to its last commit from its log when all else of it is gone", async () => {
    await using files = await copyOfTemplate();
    await truncate(join(files.annPath, "index.sqlite"), 0);
    await assertServed(files);
  });

  test("gives no modseq twice when the last transaction in its log is broken", async () => {
    await using files = await copyOfTemplate();
    const path = join(files.annPath, "index.sqlite-wal");
    const { size } = await stat(path);
    await scribble(path, size - 100, Buffer.alloc(100, 0xa5));
    await assertServed(files);
    const account = await files.account();
    assert.deepEqual(await account.check(), []);
    await account.deliver("INBOX", { octets: [message("31")] }, "31");
    assert.ok((await account.status("INBOX")).highestModSeq > (modSeqs.get("INBOX") ?? 0));
  });

  test("is set aside when its log is broken in the middle", async () => {
    await using files = await copyOfTemplate();
    const path = join(files.annPath, "index.sqlite-wal");
    const { size } = await stat(path);
    await scribble(path, Math.floor(size / 2), Buffer.alloc(100, 0xa5));
    await assertServed(files);
    assert.match(files.logged.join("\n"), /its write-ahead log is damaged/);
  });

  test("leaves what was set aside for the operator to look at", async () => {
    await using files = await copyOfTemplate();
    await rm(join(files.annPath, "index.sqlite-wal"));
    await writeFile(join(files.annPath, "index.sqlite"), "no database");
    await assertServed(files);
    const names = await readdir(files.annPath);
    assert.ok(names.some((name) => name.startsWith("index.sqlite.damaged-")));
  });
});
