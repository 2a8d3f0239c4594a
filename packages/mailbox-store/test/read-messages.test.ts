import assert from "node:assert/strict";
import { appendFile, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import type { Mailbox, StoredMessage, Uid } from "../src/index.ts";
import { FileReader } from "../src/reader/file-reader.ts";
import { message, octetsOf, TestStore, uidsOf } from "./store-for-tests.ts";

const asked = (...uids: number[]): Uid[] => uids as Uid[];

async function readAll(stored: StoredMessage | undefined, start?: number, end?: number) {
  assert.ok(stored !== undefined);
  return Buffer.concat(await Array.fromAsync(stored.read(start, end)));
}

async function readUids(inbox: Mailbox, uids: readonly number[]): Promise<number[]> {
  return [...(await inbox.readMessages(asked(...uids))).keys()];
}

test("readMessages() gives short messages whole, in parts, and with their structure", async () => {
  await using files = await TestStore.open();
  const account = await files.account();
  const octets = [1, 2, 3].map((number) => message(`m${number}`, `Body ${number}\r\n`));
  await account.append(
    "INBOX",
    octets.map((one) => ({ octets: [one] })),
  );
  await using inbox = await account.openMailbox("INBOX");
  for (const withParts of [false, true]) {
    const found = await inbox.readMessages(asked(1, 2, 3), { withParts });
    assert.deepEqual([...found.keys()], [1, 2, 3]);
    for (const [at, one] of octets.entries()) {
      const stored = found.get(asked(at + 1)[0] as Uid);
      assert.equal(stored?.sizeBytes, one.length);
      assert.deepEqual(await readAll(stored), one);
      assert.deepEqual(await readAll(stored, 5, 9), one.subarray(5, 9));
      assert.deepEqual(await readAll(stored, 5, 5_000), one.subarray(5));
      await using opened = await inbox.openMessage(asked(at + 1)[0] as Uid);
      assert.deepEqual(await stored?.parts(), await opened.parts());
    }
  }
});

test("readMessages() finds messages that are asked for with gaps, and in any order", async () => {
  await using files = await TestStore.open();
  const account = await files.account();
  await account.append(
    "INBOX",
    Array.from({ length: 9 }, (_, at) => ({ octets: [message(`m${at}`)] })),
  );
  await using inbox = await account.openMailbox("INBOX");
  await inbox.expunge(asked(2, 3));
  assert.deepEqual(await readUids(inbox, [1, 4, 5]), [1, 4, 5]);
  assert.deepEqual(await readUids(inbox, [1, 3, 4, 6]), [1, 4, 6]);
  assert.deepEqual(new Set(await readUids(inbox, [9, 1, 5])), new Set([1, 5, 9]));
  assert.deepEqual(await readUids(inbox, []), []);
  assert.deepEqual(await readUids(inbox, [2, 77]), []);
});

test("readMessages() leaves to openMessage() what is long, compressed, or not as the index has it", async () => {
  await using files = await TestStore.open();
  const account = await files.account();
  const long = message("long", "A line of a long message\r\n".repeat(3_000));
  await account.append("INBOX", [
    { octets: [long] },
    ...["grown", "moved", "gone", "same"].map((subject) => ({ octets: [message(subject)] })),
  ]);
  const cur = join(files.annPath, "cur");
  const zipped = message("zipped", "x\r\n".repeat(500));
  const sizes = `,S=${zipped.length},W=${zipped.length}`;
  await writeFile(join(cur, `1700000001.a.host${sizes}:2,S`), gzipSync(zipped));
  await using inbox = await account.openMailbox("INBOX");
  assert.deepEqual(uidsOf(inbox), [1, 2, 3, 4, 5, 6]);

  await inbox.claimRecent();
  // Names of one second do not sort as they were given: their microseconds have no leading zeros.
  const names = new Map<string, string>();
  for (const name of await readdir(cur)) {
    const subject = /^Subject: (.*)\r$/m.exec(await readFile(join(cur, name), "latin1"))?.[1];
    if (subject !== undefined) names.set(subject, name);
  }
  const [grown = "", moved = "", gone = ""] = ["grown", "moved", "gone"].map((one) =>
    names.get(one),
  );
  await appendFile(join(cur, grown), "more\r\n");
  await rename(join(cur, moved), join(cur, `${moved.replace(/:2,.*/, "")}:2,F`));
  await rm(join(cur, gone));
  const read = await inbox.readMessages(asked(1, 2, 3, 4, 5, 6));
  assert.deepEqual([...read.keys()], [5]);
  assert.deepEqual(await octetsOf(inbox, 1), long);
  assert.deepEqual(await octetsOf(inbox, 3), message("moved"));
  assert.deepEqual(await octetsOf(inbox, 6), zipped);
});

test("readMessages() makes lone LFs of other programs CRLF, as openMessage() does", async () => {
  await using files = await TestStore.open();
  const account = await files.account();
  const crlf = message("lf", "One\r\ntwo\r\n");
  const lf = crlf.toString().replaceAll("\r\n", "\n");
  await account.append("INBOX", [{ octets: [message("first")] }]);
  await writeFile(join(files.annPath, "cur", "1700000001.a.host:2,S"), lf);
  await using inbox = await account.openMailbox("INBOX");
  const read = await inbox.readMessages(asked(2));
  assert.deepEqual(await readAll(read.get(2 as Uid)), crlf);
});

test("a FileReader that is closed, or has nothing to read, answers at once", async () => {
  const reader = new FileReader();
  assert.deepEqual(await reader.read([]), []);
  const here = { path: import.meta.filename, lengthMax: 6 };
  const missing = { path: `${import.meta.filename}.none`, lengthMax: 9 };
  const [none, begin] = await reader.read([missing, here]);
  assert.equal(none, undefined);
  assert.equal(Buffer.from(begin ?? []).toString(), "import");
  await reader[Symbol.asyncDispose]();
  assert.deepEqual(await reader.read([here]), [undefined]);
});
