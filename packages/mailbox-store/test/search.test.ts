import assert from "node:assert/strict";
import { mkdir, open, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import Database from "better-sqlite3";
import type { Mailbox, TextCriterion, Uid } from "../src/index.ts";
import { fillAccount } from "../src/search/fill-account.ts";
import { lockSearchText } from "../src/search/search-file.ts";
import { startChild } from "./child-store.ts";
import { message, TestStore, uidsOf } from "./store-for-tests.ts";

async function found(mailbox: Mailbox, criterion: TextCriterion): Promise<number[]> {
  const batches = await Array.fromAsync(mailbox.search(criterion, uidsOf(mailbox) as Uid[]));
  return batches.flat();
}

const body = (text: string): TextCriterion => ({ kind: "body", text });

/** An account with three messages, whose search text is filled. */
async function filledStore(): Promise<TestStore> {
  const files = await TestStore.open();
  const account = await files.account();
  for (const word of ["alpha", "beta", "gamma"]) {
    await account.deliver("INBOX", { octets: [message(word, `all ${word} text\r\n`)] }, word);
  }
  await account.fillSearchText();
  return files;
}

function searchText(files: TestStore): Database.Database {
  return new Database(join(files.annPath, "search.sqlite"), { readonly: true });
}

function countTexts(files: TestStore): unknown {
  using database = closing(searchText(files));
  return database.prepare("SELECT count(*) FROM texts").pluck().get();
}

function closing(database: Database.Database): Database.Database & Disposable {
  return Object.assign(database, { [Symbol.dispose]: () => void database.close() });
}

/** What the files say from now on is what nobody should need to read. */
async function blankMessages(directory: string): Promise<void> {
  for (const name of await readdir(directory)) {
    const path = join(directory, name);
    const { length } = await readFile(path);
    const file = await open(path, "r+");
    await file.write(Buffer.alloc(length, "z"), 0, length, 0);
    await file.close();
  }
}

test("what is filled is searched without reading a message", async () => {
  await using files = await filledStore();
  await using inbox = await (await files.account()).openMailbox("INBOX");
  await blankMessages(join(files.annPath, "new"));
  assert.deepEqual(await found(inbox, body("ALPHA")), [1]);
  assert.deepEqual(await found(inbox, body("al")), [1, 2, 3]);
  assert.deepEqual(await found(inbox, { kind: "header", field: "subject", text: "eta" }), [2]);
  assert.deepEqual(
    await found(inbox, { kind: "envelope", field: "from", text: "ann <" }),
    [1, 2, 3],
  );
  assert.deepEqual(await found(inbox, { kind: "text", text: "subject: gamma" }), [3]);
  assert.deepEqual(await found(inbox, body("zzz")), []);
});

test("a message that is copied or moved is not read again", async () => {
  await using files = await filledStore();
  const account = await files.account();
  await using inbox = await account.openMailbox("INBOX");
  await inbox.copy([1 as Uid], "Archive");
  await inbox.move([2 as Uid], "Archive");
  await blankMessages(join(files.annPath, ".Archive/cur"));
  await blankMessages(join(files.annPath, ".Archive/new"));
  await account.fillSearchText();
  await using archive = await account.openMailbox("Archive");
  assert.deepEqual(await found(archive, body("alpha")), [1]);
  assert.deepEqual(await found(archive, body("beta")), [2]);
  assert.equal(countTexts(files), 3);
});

test("an expunged message leaves the search text, and so does a mailbox that is deleted", async () => {
  await using files = await filledStore();
  const account = await files.account();
  await using inbox = await account.openMailbox("INBOX");
  await inbox.copy([1 as Uid, 2 as Uid], "Archive");
  await inbox.expunge([1 as Uid, 3 as Uid]);
  await account.fillSearchText();
  assert.equal(countTexts(files), 2, "the text of what was copied stays");
  await account.deleteMailbox("Archive");
  await account.fillSearchText();
  assert.equal(countTexts(files), 1);
  assert.deepEqual(await found(inbox, body("text")), [2]);
});

for (const deleted of [["", "-wal", "-shm"], [""]]) {
  test(`search.sqlite${deleted.join(", ")} may be deleted while it is in use`, async () => {
    await using files = await filledStore();
    const account = await files.account();
    await using inbox = await account.openMailbox("INBOX");
    assert.deepEqual(await found(inbox, body("beta")), [2]);
    using reader = closing(searchText(files));
    assert.equal(reader.prepare("SELECT count(*) FROM texts").pluck().get(), 3);
    for (const suffix of deleted) {
      await rm(join(files.annPath, `search.sqlite${suffix}`), { force: true });
    }
    assert.deepEqual(await found(inbox, body("beta")), [2]);
    await account.deliver("INBOX", { octets: [message("delta", "late text\r\n")] }, "delta");
    await inbox.sync(inbox.columns);
    await account.fillSearchText();
    assert.deepEqual(await found(inbox, body("text")), [1, 2, 3, 4]);
    assert.equal(countTexts(files), 4);
  });
}

const damages: Readonly<Record<string, (octets: Buffer) => Buffer>> = {
  "random octets in its pages": (octets) => {
    for (let at = 4096; at < octets.length; at += 7) octets[at] = (at * 31) % 251;
    return octets;
  },
  "its second half gone": (octets) => octets.subarray(0, octets.length / 2),
  "no database at all": () => Buffer.from("nothing that SQLite ever wrote".repeat(100)),
};
for (const [name, damage] of Object.entries(damages)) {
  test(`a search text with ${name} is set aside and made again`, async () => {
    await using files = await filledStore();
    await files.close();
    const path = join(files.annPath, "search.sqlite");
    await writeFile(path, damage(await readFile(path)));

    const account = await files.account();
    await using inbox = await account.openMailbox("INBOX");
    assert.deepEqual(await found(inbox, body("gamma")), [3]);
    await account.deliver("INBOX", { octets: [message("delta", "late text\r\n")] }, "delta");
    await inbox.sync(inbox.columns);
    await account.fillSearchText();
    assert.ok(
      (await readdir(files.annPath)).some((one) => one.startsWith("search.sqlite.damaged-")),
    );
    assert.match(files.logged.join("\n"), /Set aside the search text/);
    assert.deepEqual(await found(inbox, body("text")), [1, 2, 3, 4]);
    assert.equal(countTexts(files), 4);
  });
}

test("a search text that cannot be written takes nothing but time", async () => {
  await using files = await TestStore.open();
  const account = await files.account();
  await mkdir(join(files.annPath, "search.sqlite"));
  await account.deliver("INBOX", { octets: [message("alpha", "some text\r\n")] }, "alpha");
  await assert.rejects(account.fillSearchText(), { code: "unavailable" });
  assert.match(files.logged.join("\n"), /Cannot fill the search text/);
  await using inbox = await account.openMailbox("INBOX");
  assert.deepEqual(await found(inbox, body("some text")), [1]);
});

test("one process fills an account at a time", async () => {
  await using files = await filledStore();
  const context = {
    accountPath: files.annPath,
    messageBytesMax: 1e6,
    log: () => undefined,
    isStopping: () => false,
  };
  const lock = lockSearchText(files.annPath);
  assert.ok(lock !== undefined);
  assert.equal(await fillAccount(context, { isDamaged: false }), "again");
  await lock[Symbol.asyncDispose]();
  assert.equal(await fillAccount(context, { isDamaged: false }), "done");
});

for (const row of ["T1", "T2", "T3", "T4"]) {
  test(`filling killed at ${row} is done by the next one`, async () => {
    await using files = await TestStore.open();
    const account = await files.account();
    await account.deliver("INBOX", { octets: [message("alpha", "some text\r\n")] }, "alpha");
    const child = await startChild(files.mailDirectory, row);
    await child.ask({ do: "fill" });
    await child[Symbol.asyncDispose]();
    assert.equal(child.signal, "SIGKILL", "the process came to this row");
    await using inbox = await account.openMailbox("INBOX");
    assert.deepEqual(await found(inbox, body("text")), [1]);
    await account.fillSearchText();
    assert.equal(countTexts(files), 1);
    assert.deepEqual(await found(inbox, body("text")), [1]);
  });
}

test("text beyond what is kept is found all the same", async () => {
  await using files = await TestStore.open({ messageBytesMax: 8 * 1024 * 1024 });
  const account = await files.account();
  const long = `${"many words of text\r\n".repeat(60_000)}the very end`;
  await account.append("INBOX", [
    { octets: [message("long", long)] },
    { octets: [message("short")] },
  ]);
  await using inbox = await account.openMailbox("INBOX");
  for (const isFilled of [false, true]) {
    if (isFilled) await account.fillSearchText();
    assert.deepEqual(await found(inbox, body("text\nthe very end")), [1]);
    assert.deepEqual(await found(inbox, { kind: "header", field: "subject", text: "long" }), [1]);
    assert.deepEqual(await found(inbox, body("hello")), [2]);
  }
});

test("compressed messages are searched like any other", async () => {
  await using files = await TestStore.open({ compression: "zstd" });
  const account = await files.account();
  const long = `${"many words of text\r\n".repeat(1_000)}the very end`;
  await account.append("INBOX", [{ octets: [message("long", long)] }]);
  await using inbox = await account.openMailbox("INBOX");
  for (const isFilled of [false, true]) {
    if (isFilled) await account.fillSearchText();
    assert.deepEqual(await found(inbox, body("the very end")), [1]);
  }
});

test("messages of other programs are found: with LF line ends, and renamed since they were seen", async () => {
  await using files = await filledStore();
  const account = await files.account();
  const foreign =
    "Subject: foreign\nContent-Type: text/plain; charset=koi8-r\n\n\xf0\xd2\xc9\xd7\xc5\xd4\nlast";
  await writeFile(join(files.annPath, "new/1.foreign.host"), Buffer.from(foreign, "latin1"));
  await using inbox = await account.openMailbox("INBOX");
  for (const isFilled of [false, true]) {
    if (isFilled) await account.fillSearchText();
    assert.deepEqual(await found(inbox, body("привет\r\nlast")), [4]);
    const [name = ""] = (await readdir(join(files.annPath, "new"))).filter((one) =>
      /foreign/.test(one),
    );
    if (!isFilled) {
      await rename(join(files.annPath, "new", name), join(files.annPath, "cur/1.foreign.host:2,S"));
      assert.deepEqual(await found(inbox, body("привет\r\nlast")), [4]);
    }
  }
});

const nested = Array.from(
  { length: 500 },
  (_, depth) => `Content-Type: multipart/mixed; boundary=b${depth}\r\n\r\n--b${depth}\r\n`,
);
const hostile: Readonly<Record<string, string>> = {
  "10,000 parts": `Content-Type: multipart/mixed; boundary=b\r\n\r\n${"--b\r\n\r\nneedle\r\n".repeat(10_000)}--b--\r\n`,
  "500 parts inside each other": `${nested.join("")}\r\nneedle\r\n`,
  "encoded words without end": `Subject: ${"=?utf-8?q?=C3=A4?= =?koi8-r?b?8NI=?= =?".repeat(5_000)}\r\n\r\nneedle\r\n`,
  "a tag that is never closed": `Content-Type: text/html\r\n\r\nneedle ${"<b><p class='".repeat(60_000)}`,
  "a charset that nobody knows": `Content-Type: text/plain; charset="${"x".repeat(5_000)}"\r\n\r\nneedle\r\n`,
};
test("hostile messages are searched like any other", async () => {
  await using files = await TestStore.open();
  const account = await files.account();
  await account.append(
    "INBOX",
    Object.values(hostile).map((text) => ({ octets: [Buffer.from(text)] })),
  );
  await using inbox = await account.openMailbox("INBOX");
  const expected = [1, 3, 4, 5];
  // What is nested beyond the limit of @posthouse/message is no text any more.
  assert.deepEqual(await found(inbox, body("needle")), expected);
  await account.fillSearchText();
  assert.deepEqual(await found(inbox, body("needle")), expected);
});

test("SENTBEFORE and the like are answered by the sender's own day", async () => {
  await using files = await TestStore.open();
  const account = await files.account();
  const octets = [Buffer.from("Date: Thu, 1 Jan 2015 23:30:00 -0500\r\n\r\nhello\r\n")];
  await account.append("INBOX", [{ octets }, { octets: [message("without a date")] }]);
  await using inbox = await account.openMailbox("INBOX");
  const day = Date.UTC(2015, 0, 1) / 86_400_000;
  for (const isFilled of [false, true]) {
    if (isFilled) await account.fillSearchText();
    assert.deepEqual(await found(inbox, { kind: "sent", firstDay: day, lastDay: day }), [1]);
    assert.deepEqual(await found(inbox, { kind: "sent", firstDay: day + 1, lastDay: 1e9 }), []);
  }
});
