import assert from "node:assert/strict";
import {
  cp,
  mkdir,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  utimes,
  writeFile,
} from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { type AdoptionOptions, adoptMail, planAdoption } from "../src/adopt/adopt-mail.ts";
import { StoreError, type Uid } from "../src/index.ts";
import { killAdoption } from "./kill-adoption.ts";
import { ann, message, octetsOf, snapshotOf, TestStore, uidsOf } from "./store-for-tests.ts";

const dateSeconds = 1_153_129_465;

async function makeFolder(path: string, files: Readonly<Record<string, Buffer>>): Promise<void> {
  for (const directory of ["new", "cur", "tmp"])
    await mkdir(join(path, directory), { recursive: true });
  for (const [name, octets] of Object.entries(files)) {
    await writeFile(join(path, name), octets);
    await utimes(join(path, name), dateSeconds, dateSeconds);
  }
}

/** As Courier leaves it: UIDs out of order in its list, keywords in both of their places. */
async function makeCourierTree(path: string): Promise<void> {
  await makeFolder(path, {
    "cur/1000000001.M1P1.host,S=1:2,S": message("1"),
    "cur/1000000002.M2P1.host:2,FR": message("2"),
    "new/1000000003.M3P1.host": message("3"),
    "new/1000000004.M4P1.host": message("4"),
  });
  await writeFile(
    join(path, "courierimapuiddb"),
    "1 437221995 20\n12 1000000002.M2P1.host\n7 1000000001.M1P1.host,S=1\n9 gone.host\n15 1000000003.M3P1.host\n",
  );
  await writeFile(
    join(path, "courierpop3dsizelist"),
    "/3 9 437221990\n1000000001.M1P1.host,S=1 40 7:437221990:0\n1000000002.M2P1.host:2,FR 40 0:0:0\n1000000004.M4P1.host 40 8:0:0\nnot a line\n",
  );
  const keywords = join(path, "courierimapkeywords");
  await mkdir(keywords);
  await writeFile(
    join(keywords, ":list"),
    "$Forwarded\ntodo\n\n1000000001.M1P1.host,S=1:0 1\n1000000002.M2P1.host:0\n",
  );
  await writeFile(join(keywords, "1000000002.M2P1.host"), "Later\n");
  await writeFile(join(keywords, ".5.1000000003.M3P1.host"), "todo\n");
  await writeFile(join(keywords, ".4.1000000003.M3P1.host"), "$Forwarded\n");
  await makeFolder(join(path, ".Sent Items"), { "cur/1000000005.M5P1.host:2,S": message("5") });
  await writeFile(
    join(path, ".Sent Items", "courierimapuiddb"),
    "1 437221996 2\n1 1000000005.M5P1.host\n",
  );
  await writeFile(
    join(path, "courierimapsubscribed"),
    "INBOX\nINBOX.Sent Items\nINBOX.Gone.Away\n",
  );
}

const subjects = ["1", "2", "3", "4", "5"];

interface Moved extends AsyncDisposable {
  readonly files: TestStore;
  readonly source: string;
  readonly options: AdoptionOptions;
}

async function prepare(
  make: (path: string) => Promise<void>,
  options: Partial<AdoptionOptions> = {},
): Promise<Moved> {
  const files = await TestStore.open();
  const source = join(files.mailDirectory, "old", "Maildir");
  await mkdir(join(files.mailDirectory, "old"));
  await make(source);
  return {
    files,
    source,
    options: { mailDirectory: files.mailDirectory, account: ann, source, mode: "copy", ...options },
    [Symbol.asyncDispose]: () => files[Symbol.asyncDispose](),
  };
}

async function subjectsIn(files: TestStore): Promise<string[]> {
  const account = await files.account();
  const found: string[] = [];
  for (const { name, exists } of await account.listMailboxes()) {
    if (!exists) continue;
    await using mailbox = await account.openMailbox(name, { readOnly: true });
    for (const uid of uidsOf(mailbox)) {
      found.push(/^Subject: (.*)\r$/m.exec((await octetsOf(mailbox, uid)).toString())?.[1] ?? "");
    }
  }
  return found.sort();
}

async function assertLikeCourier(files: TestStore): Promise<void> {
  const account = await files.account();
  assert.deepEqual({ ...account.hierarchy }.prefix, "INBOX.");
  assert.equal(account.hierarchy.separator, ".");
  const inbox = await snapshotOf(account, "INBOX");
  assert.equal(inbox.uidValidity, 437221995);
  assert.deepEqual(
    inbox.messages.map(({ uid, systemFlags, keywords }) => [uid, systemFlags, keywords]),
    [
      [7, 8, ["$Forwarded", "todo"]],
      [12, 3, ["Later"]],
      [15, 0, ["todo"]],
      [20, 0, []],
    ],
  );
  await using open = await account.openMailbox("INBOX");
  assert.deepEqual(
    [...(await open.popNames({ withKeys: false })).given],
    [
      [7, "UID7-437221990"],
      [12, "1000000002.M2P1.host"],
      [20, "UID8"],
    ],
  );
  assert.ok(inbox.messages.every((one) => one.internalDateMs === dateSeconds * 1000));
  const sent = await snapshotOf(account, "Sent Items");
  assert.deepEqual([sent.uidValidity, sent.messages.map(({ uid }) => uid)], [437221996, [1]]);
  const infos = await account.listMailboxes();
  assert.deepEqual(
    infos.map(({ name, isSubscribed, specialUse }) => [name, isSubscribed, specialUse]),
    [
      ["INBOX", true, []],
      ["Gone/Away", true, []],
      ["Sent Items", true, ["\\Sent"]],
    ],
  );
}

void describe("taking over a tree", { concurrency: 4 }, () => {
  for (const mode of ["copy", "link", "move"] as const) {
    test(`Courier's UIDs, keywords, dates, names and subscriptions stay (${mode})`, async () => {
      await using moved = await prepare(makeCourierTree, { mode });
      const before = (await readdir(moved.source, { recursive: true })).sort();
      const plan = await planAdoption(moved.options);
      assert.deepEqual([plan.format, plan.obstacles], ["courier", []]);
      assert.deepEqual((await readdir(moved.source, { recursive: true })).sort(), before);
      await adoptMail(moved.options);
      await assertLikeCourier(moved.files);
      const left = await readdir(moved.source, { recursive: true }).catch((): string[] => []);
      assert.deepEqual(left.sort(), mode === "move" ? [] : before);
      // Again, it is done already.
      assert.equal((await adoptMail(moved.options)).isDone, true);
      await assertLikeCourier(moved.files);
    });
  }

  test("Courier's tree stays where it is, when it is the account's own directory", async () => {
    await using files = await TestStore.open();
    await mkdir(join(files.mailDirectory, "example.org"));
    await makeCourierTree(files.annPath);
    const options = {
      mailDirectory: files.mailDirectory,
      account: ann,
      source: files.annPath,
      mode: "copy",
    } as const;
    assert.equal((await planAdoption(options)).mode, "in-place");
    await adoptMail(options);
    await assertLikeCourier(files);
    await adoptMail(options);
    await assertLikeCourier(files);
    await files.close();
    await files.removeIndex();
    await assertLikeCourier(files);
  });

  test("a rebuilt index and a further UIDVALIDITY go on from what was taken over", async () => {
    await using moved = await prepare(makeCourierTree);
    await writeFile(join(moved.source, "dovecot-uidvalidity"), "f0000000");
    await adoptMail(moved.options);
    const account = await moved.files.account();
    await account.createMailbox("New");
    assert.equal((await account.status("New")).uidValidity, 0xf000_0001);
    const modSeq = (await account.status("INBOX")).highestModSeq;
    assert.ok(modSeq > 1e12, "above every number that another program may have counted to");
    await moved.files.close();
    await moved.files.removeIndex();
    await assertLikeCourier(moved.files).catch((error: unknown) => {
      // The new mailbox is the one difference.
      assert.match(String(error), /New/);
    });
  });

  test("files of a plain Maildir++ get UIDs in the order of their making", async () => {
    await using moved = await prepare(async (path) => {
      await makeFolder(path, {
        "cur/1000000002.b:2,": message("2"),
        "new/1000000001.a": message("1"),
      });
      await makeFolder(join(path, ".Entwürfe"), { "cur/1000000003.c:2,D": message("3") });
    });
    const plan = await planAdoption(moved.options);
    assert.match(
      plan.remarks.join("\n"),
      /"INBOX" has no list of UIDs: clients fetch it \(2 messages\)/,
    );
    assert.equal(plan.encoding, "utf-8");
    await adoptMail(moved.options);
    const account = await moved.files.account();
    await using inbox = await account.openMailbox("INBOX");
    assert.deepEqual(await octetsOf(inbox, 1), message("1"));
    assert.deepEqual((await snapshotOf(account, "Entwürfe")).messages[0]?.systemFlags, 16);
    await account.createMailbox("Entwürfe/neu & alt");
    assert.ok((await readdir(moved.files.annPath)).includes(".Entwürfe.neu & alt"));
  });

  test("version 1 of dovecot-uidlist is understood, and written as version 3", async () => {
    await using moved = await prepare(async (path) => {
      await makeFolder(path, { "cur/1000000001.a:2,S": message("1") });
      await writeFile(join(path, "dovecot-uidlist"), "1 1234567 44\n43 1000000001.a:2,\n");
    });
    await adoptMail(moved.options);
    const { uidValidity, messages } = await snapshotOf(await moved.files.account(), "INBOX");
    assert.deepEqual([uidValidity, messages[0]?.uid], [1234567, 43]);
    const list = await readFile(join(moved.files.annPath, "dovecot-uidlist"), "utf8");
    assert.match(list, /^3 V1234567 N44 G[0-9a-f]{32}\n43 :1000000001\.a\n$/);
  });

  test("a tree that is packed as nobody here reads it is refused, and nothing is changed", async () => {
    await using moved = await prepare((path) =>
      makeFolder(path, { "cur/1000000001.a,S=500:2,": Buffer.from("425a68393141", "hex") }),
    );
    const plan = await planAdoption(moved.options);
    assert.match(plan.obstacles.join(), /packed as bzip2, lz4 or xz/);
    await assert.rejects(adoptMail(moved.options), StoreError);
    assert.deepEqual(await readdir(moved.files.mailDirectory), ["old"]);
  });

  test("messages that Dovecot's zlib plugin packed as gzip or zstd are taken as they are", async () => {
    await using moved = await prepare((path) =>
      makeFolder(path, {
        [`cur/1000000001.a,S=${message("1").length}:2,`]: gzipSync(message("1")),
        [`cur/1000000002.b,S=${message("2").length}:2,`]: zstdCompressSync(message("2")),
      }),
    );
    await adoptMail(moved.options);
    assert.deepEqual(await subjectsIn(moved.files), ["1", "2"]);
  });

  test("an account that has mail is left alone; an empty one makes way", async () => {
    await using moved = await prepare(makeCourierTree);
    const account = await moved.files.account();
    await account.deliver("INBOX", { octets: [message("here")] }, "here");
    assert.match((await planAdoption(moved.options)).obstacles.join(), /has 1 message already/);
    await assert.rejects(adoptMail(moved.options), StoreError);
    await using inbox = await account.openMailbox("INBOX");
    await inbox.expunge([...inbox.columns.uids] as Uid[]);
    await adoptMail(moved.options);
    // This very process has it open all the time.
    assert.deepEqual(await subjectsIn(moved.files), subjects);
    await account.deliver("INBOX", { octets: [message("6")] }, "6");
    assert.deepEqual(await subjectsIn(moved.files), [...subjects, "6"]);
  });

  test("what is no Maildir is refused with a sentence", async () => {
    await using moved = await prepare((path) => mkdir(path).then(() => undefined));
    await assert.rejects(
      planAdoption(moved.options),
      (error) => error instanceof StoreError && /is no Maildir/.test(error.message),
    );
  });

  for (const [mode, row] of [
    ["copy", "T1"],
    ["link", "T1"],
    ["copy", "T2"],
    ["copy", "T3"],
    ["copy", "T4"],
    ["move", "T2"],
    ["move", "T4"],
    ["move", "T5"],
  ] as const) {
    test(`killed at ${row} (${mode}), it loses nothing and can be done again`, async () => {
      await using moved = await prepare(makeCourierTree, { mode });
      // An empty account, so that T3 is come to.
      await moved.files.account();
      await moved.files.close();
      await killAdoption(moved.options, row);
      if (row !== "T5") {
        const left = (await readdir(moved.source, { recursive: true })).join("\n");
        assert.equal(left.match(/^(.*\/)?(cur|new)\/1/gm)?.length, 5, "the old tree is whole");
      }
      await adoptMail(moved.options);
      assert.deepEqual(await subjectsIn(moved.files), subjects);
      await assertLikeCourier(moved.files);
      const left = await readdir(join(moved.files.mailDirectory, "example.org"));
      assert.deepEqual(left, ["ann"]);
      if (mode === "move") await assert.rejects(stat(moved.source));
    });
  }

  for (const row of ["I1", "I2"]) {
    test(`killed at ${row} in place, it can be done again`, async () => {
      await using files = await TestStore.open();
      await mkdir(join(files.mailDirectory, "example.org"));
      await makeCourierTree(files.annPath);
      const options = {
        mailDirectory: files.mailDirectory,
        account: ann,
        source: files.annPath,
        mode: "copy",
      } as const;
      await killAdoption(options, row);
      await adoptMail(options);
      await assertLikeCourier(files);
    });
  }

  test("mail that is removed here after a move was cut short is not brought back by the next run", async () => {
    await using moved = await prepare(makeCourierTree, { mode: "move" });
    await killAdoption(moved.options, "T5");
    const account = await moved.files.account();
    await using inbox = await account.openMailbox("INBOX");
    await inbox.expunge([...inbox.columns.uids] as Uid[]);
    await writeFile(join(moved.source, "new", "1000000009.late"), message("late"));
    await adoptMail(moved.options);
    assert.deepEqual(await subjectsIn(moved.files), ["5"]);
    assert.deepEqual(
      await readdir(join(moved.source, "new")),
      ["1000000009.late"],
      "what came late stays",
    );
  });

  test("a message that is a link by name is taken with its octets, and what is no file is left", async () => {
    await using moved = await prepare(
      async (path) => {
        await makeFolder(path, { "tmp/elsewhere": message("1") });
        await symlink("../tmp/elsewhere", join(path, "cur", "1000000001.a:2,S"));
        await mkdir(join(path, "cur", "1000000002.directory:2,S"));
        await writeFile(join(path, "cur", "1000000002.directory:2,S", "inside"), "");
      },
      { mode: "move" },
    );
    await adoptMail(moved.options);
    assert.deepEqual(await subjectsIn(moved.files), ["1"]);
    assert.deepEqual(await readdir(join(moved.source, "cur")), ["1000000002.directory:2,S"]);
  });

  test("a server that has the empty account open sees the names of the new tree", async () => {
    await using moved = await prepare(makeCourierTree);
    const account = await moved.files.account();
    assert.equal(account.hierarchy.separator, "/");
    await adoptMail(moved.options);
    assert.deepEqual(await subjectsIn(moved.files), subjects);
    assert.deepEqual([account.hierarchy.separator, account.hierarchy.prefix], [".", "INBOX."]);
  });

  test("an account of another Posthouse keeps its mailbox ids too", async () => {
    await using old = await TestStore.open();
    const account = await old.account();
    await account.append("Archive", [{ octets: [message("1")], keywords: ["todo"] }]);
    const before = await snapshotOf(account, "Archive");
    await old.close();
    await using moved = await prepare((path) =>
      cp(old.annPath, path, { recursive: true, preserveTimestamps: true }),
    );
    await rm(join(moved.source, "posthouse-uidvalidity"));
    await adoptMail(moved.options);
    assert.deepEqual(await snapshotOf(await moved.files.account(), "Archive"), before);
  });
});
