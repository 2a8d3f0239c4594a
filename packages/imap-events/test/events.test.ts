import assert from "node:assert/strict";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import {
  EventSpool,
  EventsUnavailable,
  EventWriter,
  type ImapEvent,
  rangesOf,
} from "../src/index.ts";

async function temporary() {
  const path = await mkdtemp(join(tmpdir(), "posthouse-events-"));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

const event: ImapEvent = {
  version: 1,
  account: "ann@example.org",
  user: "bob@example.org",
  cause: "FLAG",
  mailbox: "Work/Ä \n",
  mailboxId: "F0001",
  uidValidity: 7,
  script: "on change",
  messages: [{ uids: "1:3,9", changedFlags: ["\\Seen", "$x"] }],
};

test("events are read in the order in which they were written, until they are removed", async () => {
  await using directory = await temporary();
  const writer = new EventWriter(directory.path);
  for (const cause of ["APPEND", "COPY", "FLAG"] as const) await writer.write({ ...event, cause });
  const spool = new EventSpool(directory.path);
  const names = await spool.list();
  const causes = await Promise.all(names.map(async (name) => (await spool.read(name))?.cause));
  assert.deepEqual(causes, ["APPEND", "COPY", "FLAG"]);
  assert.deepEqual(await spool.read(names[2] ?? ""), event);
  await spool.remove(names[0] ?? "");
  await spool.remove(names[0] ?? "");
  assert.equal((await spool.list()).length, 2);
  assert.equal(await spool.read(names[0] ?? ""), undefined);
});

test("what is no event is none, and leftovers of a crash go when they are old", async () => {
  await using directory = await temporary();
  const name = `${Date.now()}-000000001-0123456789abcdef`;
  const spool = new EventSpool(directory.path);
  const damaged = [
    "",
    "{}",
    "[]",
    JSON.stringify({ ...event, version: 2 }),
    JSON.stringify({ ...event, messages: [{ uids: "1:*", changedFlags: [] }] }),
    JSON.stringify({ ...event, messages: [{ uids: "1", changedFlags: [1] }] }),
  ];
  for (const text of damaged) {
    await writeFile(join(directory.path, name), text);
    assert.equal(await spool.read(name), undefined, text);
  }
  await writeFile(join(directory.path, `tmp-${name}`), "");
  assert.deepEqual(await spool.list(), [name]);
  assert.equal((await readdir(directory.path)).length, 2);
  await spool.list(Date.now() + 25 * 3600 * 1000);
  assert.deepEqual(await readdir(directory.path), [name]);
});

test("a directory that is not there is a sentence, and no failure of its own", async () => {
  const writing = new EventWriter("/nowhere/at/all").write(event);
  await assert.rejects(writing, EventsUnavailable);
  using watching = new EventSpool("/nowhere/at/all").watch(() => {});
  assert.ok(watching);
});

test("a set of UIDs is read as its ranges", () => {
  assert.deepEqual(
    [...rangesOf("1:3,9,7:5")],
    [
      [1, 3],
      [9, 9],
      [5, 7],
    ],
  );
});
