import assert from "node:assert/strict";
import { mkdir, readdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import Database from "better-sqlite3";
import type { Uid } from "../src/index.ts";
import { limits } from "../src/limits.ts";
import { message, snapshotOf, TestStore } from "./store-for-tests.ts";

const many = limits.rowsWorthPacking + 100;

/** Files as another program leaves them, without any index. */
async function dropFiles(files: TestStore, count: number): Promise<void> {
  for (const name of ["cur", "new", "tmp"]) {
    await mkdir(join(files.annPath, name), { recursive: true });
  }
  const names = Array.from({ length: count }, (_, at) => `${1_700_000_000 + at}.a.mutt:2,`);
  await Promise.all(
    names.map((name) => writeFile(join(files.annPath, "cur", name), message("one"))),
  );
}

function withIndex<Result>(files: TestStore, run: (index: Database.Database) => Result): Result {
  const index = new Database(join(files.annPath, "index.sqlite"));
  try {
    return run(index);
  } finally {
    index.close();
  }
}

function packedValues(files: TestStore): number {
  return withIndex(files, (index) =>
    Number(index.prepare("SELECT count(*) FROM packedColumns").pluck().get()),
  );
}

async function packedStore(): Promise<TestStore> {
  const files = await TestStore.open();
  await dropFiles(files, many);
  // The first opening finds the files, the second reads their rows.
  for (let time = 0; time < 2; time += 1) {
    await using _inbox = await (await files.account()).openMailbox("INBOX");
    await files.close();
  }
  assert.equal(packedValues(files), 1);
  return files;
}

void describe("a mailbox of thousands", { concurrency: 2 }, () => {
  test("opens from packed columns with all that changed since they were written", async () => {
    await using files = await packedStore();
    const account = await files.account();
    const inbox = await account.openMailbox("INBOX");
    await inbox.changeFlags([1, 7] as Uid[], {
      mode: "add",
      systemFlags: ["\\Flagged"],
      keywords: ["todo"],
    });
    await inbox.expunge([2, 3] as Uid[]);
    await account.append("INBOX", [{ octets: [message("new")] }]);
    await files.close();

    const fromPacked = await snapshotOf(await files.account(), "INBOX");
    assert.equal(fromPacked.messages.length, many - 1);
    await files.close();
    withIndex(files, (index) => index.exec("DROP TABLE packedColumns"));
    assert.deepEqual(await snapshotOf(await files.account(), "INBOX"), fromPacked);
  });

  test("opens from its rows when packed columns are not what was written", async () => {
    await using files = await packedStore();
    const before = await snapshotOf(await files.account(), "INBOX");
    await files.close();
    for (const octets of ["zeroblob(16)", "x'00'", "zeroblob(16 + 41 * 10)"]) {
      withIndex(files, (index) => index.exec(`UPDATE packedColumns SET octets = ${octets}`));
      assert.deepEqual(await snapshotOf(await files.account(), "INBOX"), before);
      await files.close();
    }
  });

  test("opens from its rows when more was expunged than is remembered", async () => {
    await using files = await packedStore();
    const inbox = await (await files.account()).openMailbox("INBOX");
    await inbox.expunge([5, 6] as Uid[]);
    await files.close();
    withIndex(files, (index) => index.exec("DELETE FROM expunged"));
    const { messages } = await snapshotOf(await files.account(), "INBOX");
    assert.equal(messages.length, many - 2);
    assert.ok(messages.every(({ uid }) => uid !== 5 && uid !== 6));
  });

  test("keeps what another program did to all files just before a STORE on all", async () => {
    await using files = await TestStore.open();
    await dropFiles(files, 600);
    const account = await files.account();
    await using inbox = await account.openMailbox("INBOX");
    const cur = join(files.annPath, "cur");
    const names = (await readdir(cur)).sort();
    for (const name of names.slice(10)) await rename(join(cur, name), join(cur, `${name}S`));
    for (const name of names.slice(0, 10)) await rm(join(cur, name));
    await inbox.changeFlags([...inbox.columns.uids] as Uid[], {
      mode: "add",
      systemFlags: ["\\Flagged"],
      keywords: [],
    });
    await inbox.sync(inbox.columns);
    assert.equal(inbox.columns.length, 590);
    assert.ok(inbox.columns.systemFlags.every((flags) => flags === 10));
    assert.deepEqual(await account.check(), []);
  });

  test("has all jobs done, long or not, whichever thread they come to", async () => {
    await using files = await TestStore.open();
    await dropFiles(files, 600);
    const account = await files.account();
    await using inbox = await account.openMailbox("INBOX");
    const uids = [...inbox.columns.uids] as Uid[];
    await account.createMailbox("Archive");
    const done: string[] = [];
    const noting = async (name: string, work: Promise<unknown>) => {
      await work;
      done.push(name);
    };
    const append = (name: string) =>
      noting(name, account.append("Archive", [{ octets: [message(name)] }]));
    const first = append("first");
    const copy = noting("copy", inbox.copy(uids, "Archive"));
    await Promise.all([first, copy, append("second")]);
    await append("third");
    assert.deepEqual(done.toSorted(), ["copy", "first", "second", "third"]);
    await inbox.move(uids, "Archive");
    assert.equal((await account.status("Archive")).messages, 1203);
    assert.equal((await account.status("INBOX")).messages, 0);
    assert.deepEqual(await account.check(), []);
  });

  test("counts rightly when flags are changed and messages go by the hundred", async () => {
    await using files = await TestStore.open();
    await dropFiles(files, 600);
    const account = await files.account();
    await using inbox = await account.openMailbox("INBOX");
    const uids = [...inbox.columns.uids] as Uid[];
    await inbox.changeFlags(uids, { mode: "replace", systemFlags: ["\\Seen"], keywords: ["a"] });
    await inbox.changeFlags(uids.slice(0, 200), {
      mode: "replace",
      systemFlags: ["\\Deleted"],
      keywords: [],
    });
    await Array.fromAsync(inbox.summaries(uids.slice(0, 150)));
    await inbox.expunge(uids.slice(0, 100));
    const { messages, unseen, deleted } = await account.status("INBOX");
    assert.deepEqual({ messages, unseen, deleted }, { messages: 500, unseen: 100, deleted: 100 });
    const details = withIndex(files, (index) =>
      index.prepare("SELECT count(*) FROM details").pluck().get(),
    );
    assert.equal(details, 50, "what was known of expunged messages is gone with them");
  });
});
