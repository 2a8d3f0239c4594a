import assert from "node:assert/strict";
import { readdir, readFile, rename, stat } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import Database from "better-sqlite3";
import { StoreError, type Uid } from "../src/index.ts";
import { message, snapshotOf, TestStore } from "./store-for-tests.ts";

const versionOne = new URL("./fixtures/index-version-1.sql", import.meta.url);

/** What a database has, without the order in which columns were added. */
function shapeOf(path: string) {
  const database = new Database(path, { readonly: true });
  const tables = database
    .prepare<[], { type: string; name: string }>(
      "SELECT type, name FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%' ORDER BY type, name",
    )
    .all();
  const columns = tables
    .filter(({ type }) => type === "table")
    .map(({ name }) =>
      database
        .prepare<[string], { name: string; type: string; notnull: number; dflt_value: string }>(
          'SELECT name, type, "notnull", dflt_value FROM pragma_table_info(?) ORDER BY name',
        )
        .all(name),
    );
  const triggers = database
    .prepare<[], string>("SELECT sql FROM sqlite_schema WHERE type = 'trigger' ORDER BY name")
    .pluck()
    .all()
    .map((sql) => sql.replaceAll(/\s+/g, " "));
  database.close();
  return { tables, columns, triggers };
}

/** An account whose index is as the first version made it, with all that is in it. */
async function oldAccount(): Promise<TestStore> {
  const files = await TestStore.open();
  const account = await files.account();
  for (const subject of ["1", "2", "3"]) {
    await account.deliver("INBOX", { octets: [message(subject)] }, subject);
  }
  await using inbox = await account.openMailbox("INBOX");
  await inbox.expunge([2 as Uid]);
  await files.close();
  const path = join(files.annPath, "index.sqlite");
  const now = new Database(path);
  const old = new Database(`${path}.old`);
  old.exec(await readFile(versionOne, "utf8"));
  old.close();
  now.prepare("ATTACH ? AS old").run(`${path}.old`);
  for (const table of [
    "messages",
    "files",
    "keywords",
    "expunged",
    "deliveries",
    "details",
    "mailboxes",
  ]) {
    const columns = now
      .prepare("SELECT name FROM pragma_table_info(?, 'old')")
      .pluck()
      .all(table)
      .join(", ");
    // Counters come with the rows: the triggers of the old one are ours.
    now.exec(`INSERT INTO old.${table} (${columns}) SELECT ${columns} FROM main.${table}`);
  }
  now.close();
  await files.removeIndex();
  await rename(`${path}.old`, path);
  return files;
}

test("an index of the first version is led to ours, keeps what it has, and leaves a copy", async () => {
  await using files = await oldAccount();
  const account = await files.account();
  const { messages } = await snapshotOf(account, "INBOX");
  assert.deepEqual(
    messages.map(({ uid }) => uid),
    [1, 3],
  );
  const again = await account.deliver("INBOX", { octets: [message("3")] }, "3");
  assert.deepEqual(again.uids, [3], "the memory of hand-overs was not lost");
  assert.deepEqual(await account.check(), []);
  assert.deepEqual(files.logged, []);
  const copy = join(files.annPath, "index.sqlite.version-1");
  assert.equal((await stat(copy)).mode & 0o777, 0o660);
  const database = new Database(copy, { readonly: true });
  assert.equal(database.pragma("user_version", { simple: true }), 1);
  assert.equal(database.prepare("SELECT count(*) FROM messages").pluck().get(), 2);
  database.close();
});

test("a migrated index has the very tables, columns and triggers that a new one has", async () => {
  await using old = await oldAccount();
  await old.account();
  await old.close();
  await using fresh = await TestStore.open();
  await fresh.account();
  await fresh.close();
  assert.deepEqual(
    shapeOf(join(old.annPath, "index.sqlite")),
    shapeOf(join(fresh.annPath, "index.sqlite")),
  );
});

test("an index of a later version is refused in a sentence, and left as it is", async () => {
  await using files = await TestStore.open();
  await files.account();
  await files.close();
  const path = join(files.annPath, "index.sqlite");
  const database = new Database(path);
  database.exec("UPDATE about SET value = '99' WHERE name = 'version'; PRAGMA user_version = 99");
  database.close();
  await assert.rejects(files.account(), (error) => {
    assert.ok(error instanceof StoreError && error.code === "unavailable");
    assert.match(
      error.message,
      /a later version of Posthouse made it \(schema 99, this program knows \d+\)/,
    );
    return true;
  });
  const names = await readdir(files.annPath);
  assert.ok(!names.some((name) => name.includes("damaged")));
});
