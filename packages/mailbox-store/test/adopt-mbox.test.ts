import assert from "node:assert/strict";
import { closeSync, openSync } from "node:fs";
import {
  access,
  appendFile,
  lchown,
  mkdir,
  readdir,
  readFile,
  stat,
  symlink,
  unlink,
  writeFile,
} from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { type AdoptionOptions, adoptMail, planAdoption } from "../src/adopt/adopt-mail.ts";
import { StoreError } from "../src/index.ts";
import { tryToLock } from "../src/mbox/fcntl-lock.ts";
import { killAdoption } from "./kill-adoption.ts";
import { ann, octetsOf, snapshotOf, TestStore, uidsOf } from "./store-for-tests.ts";

/** As c-client and Pine leave it: a message that is none, UIDs with gaps, subscriptions in the home directory. */
const inbox = [
  "From MAILER-DAEMON Mon Jan  1 00:00:00 2001 +0000",
  "Date: Mon, 1 Jan 2001 00:00:00 +0000",
  "X-IMAP: 1234567890 0000000040 todo $Forwarded",
  "Subject: DON'T DELETE THIS MESSAGE -- FOLDER INTERNAL DATA",
  "Status: RO",
  "",
  "This text is part of the internal format of your mail folder.",
  "",
  "From a@example.org Mon Jan  1 00:00:00 2001 +0000",
  "Subject: 1",
  "X-UID: 7",
  "Status: RO",
  "X-Status: AF",
  "X-Keywords: $Forwarded todo",
  "",
  ">From quoted",
  "",
  "From b@example.org Mon Jan  1 00:00:01 2001 +0100",
  "Subject: 2",
  "X-UID: 30",
  "Status: O",
  "Content-Length: 67",
  "",
  ">From not quoted",
  "",
  "From b@example.org Mon Jan  1 00:00:01 2001 text",
  "",
  "From c@example.org Mon Jan  1 00:00:02 2001 +0000",
  "Subject: 3",
  "",
  "this came last",
  "",
  "",
].join("\n");

const sent = [
  "From a@example.org Tue Jan  2 00:00:00 2001 +0000",
  "X-IMAPbase: 1234567891 0000000002",
  "Subject: 4",
  "X-UID: 2",
  "Status: RO",
  "X-Status: T",
  "",
  "sent",
  "",
].join("\n");

async function makeHome(home: string): Promise<void> {
  await mkdir(join(home, "mail", "Work"), { recursive: true });
  await writeFile(join(home, "spool"), inbox);
  await writeFile(join(home, "mail", "sent-mail"), sent);
  await writeFile(join(home, "mail", "Work", "Entw&APw-rfe v1.2"), foreign("5") + foreign("6"));
  await writeFile(join(home, "mail", "empty"), "");
  await writeFile(
    join(home, ".mailboxlist"),
    "INBOX\nmail/sent-mail\nmail/Work/Entw&APw-rfe v1.2\nother/x\n",
  );
}

/** As procmail appends. */
function foreign(subject: string, body = "Hello\n"): string {
  return `From bob@example.org Sun Nov 22 09:00:00 2026\nSubject: ${subject}\n\n${body}\n`;
}

interface Moved extends AsyncDisposable {
  readonly files: TestStore;
  readonly home: string;
  readonly source: string;
  readonly spool: string;
  readonly options: AdoptionOptions;
}

async function prepare(
  make: (home: string) => Promise<void>,
  options: Partial<AdoptionOptions> = {},
): Promise<Moved> {
  const files = await TestStore.open();
  const home = join(files.mailDirectory, "old");
  const source = join(home, "mail");
  await mkdir(source, { recursive: true });
  await make(home);
  const spool = join(home, "spool");
  const hasSpool = await isThere(spool);
  return {
    files,
    home,
    source,
    spool,
    options: {
      mailDirectory: files.mailDirectory,
      account: ann,
      source,
      mode: "copy",
      ...(hasSpool ? { inbox: spool } : {}),
      ...options,
    },
    [Symbol.asyncDispose]: () => files[Symbol.asyncDispose](),
  };
}

const isThere = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

async function textsIn(files: TestStore, name: string): Promise<string[]> {
  await using mailbox = await (await files.account()).openMailbox(name, { readOnly: true });
  const texts: string[] = [];
  for (const uid of uidsOf(mailbox)) texts.push((await octetsOf(mailbox, uid)).toString("latin1"));
  return texts;
}

async function subjectsIn(files: TestStore): Promise<string[]> {
  const found: string[] = [];
  for (const { name, exists } of await (await files.account()).listMailboxes()) {
    if (!exists) continue;
    for (const text of await textsIn(files, name)) {
      found.push(/^Subject: (.*)\r$/m.exec(text)?.[1] ?? "");
    }
  }
  return found.sort();
}

const drafts = "Work/Entwürfe v1.2";

async function assertLikeHome(files: TestStore): Promise<void> {
  const account = await files.account();
  const { uidValidity, messages } = await snapshotOf(account, "INBOX");
  assert.equal(uidValidity, 1_234_567_890);
  assert.deepEqual(
    messages.map((row) => [row.uid, row.systemFlags, row.keywords, row.internalDateMs]),
    [
      [7, 11, ["$Forwarded", "todo"], Date.UTC(2001, 0, 1)],
      [30, 0, [], Date.UTC(2001, 0, 1) - 3_599_000],
      [41, 0, [], Date.UTC(2001, 0, 1, 0, 0, 2)],
    ],
  );
  assert.deepEqual(await textsIn(files, "INBOX"), [
    "Subject: 1\r\n\r\nFrom quoted\r\n",
    "Subject: 2\r\n\r\n>From not quoted\r\n\r\nFrom b@example.org Mon Jan  1 00:00:01 2001 text\r\n",
    "Subject: 3\r\n\r\nthis came last\r\n",
  ]);
  const inSent = await snapshotOf(account, "sent-mail");
  assert.equal(inSent.uidValidity, 1_234_567_891);
  assert.deepEqual(
    inSent.messages.map((row) => [row.uid, row.systemFlags]),
    [[2, 24]],
  );
  const fresh = await snapshotOf(account, drafts);
  assert.deepEqual(
    fresh.messages.map(({ uid }) => uid),
    [1, 2],
  );
  assert.ok(fresh.uidValidity > 1_234_567_891);
  const infos = (await account.listMailboxes()).filter(({ exists }) => exists);
  assert.deepEqual(
    infos.map(({ name, isSubscribed, specialUse }) => [name, isSubscribed, specialUse]),
    [
      ["INBOX", true, []],
      [drafts, true, []],
      ["empty", false, []],
      ["sent-mail", true, ["\\Sent"]],
    ],
  );
}

async function filesBelow(path: string): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const entry of (await readdir(path, { recursive: true })).sort()) {
    const isFile = (await stat(join(path, entry))).isFile();
    found[entry] = isFile ? await readFile(join(path, entry), "latin1") : "";
  }
  return found;
}

void describe("taking over mbox files", { concurrency: 4 }, () => {
  for (const format of ["maildir", "mbox"] as const) {
    test(`UIDs, flags, keywords, dates, octets, names and subscriptions stay (${format})`, async () => {
      await using moved = await prepare(makeHome, { format });
      const before = await filesBelow(moved.home);
      const plan = await planAdoption(moved.options);
      assert.deepEqual([plan.format, plan.obstacles], ["mbox", []]);
      assert.deepEqual(
        plan.mailboxes.map(({ name, messages, uidValidity }) => [name, messages, uidValidity]),
        [
          ["INBOX", 3, 1_234_567_890],
          [drafts, 2, undefined],
          ["empty", 0, undefined],
          ["sent-mail", 1, 1_234_567_891],
        ],
      );
      assert.match(plan.remarks.join("\n"), /"Work\/Entwürfe v1\.2" has no X-IMAPbase/);
      assert.match(
        plan.remarks.join("\n"),
        /^Of "INBOX" 1 message without an X-UID, .* gets a new UID$/m,
      );
      assert.match(plan.remarks.join("\n"), /^Empty, .*: "empty"\./m);
      assert.deepEqual(await filesBelow(moved.home), before);
      await adoptMail(moved.options);
      assert.deepEqual(await filesBelow(moved.home), before);
      await assertLikeHome(moved.files);
      const isMaildir = await isThere(join(moved.files.annPath, "cur"));
      assert.equal(isMaildir, format === "maildir");
      assert.equal((await adoptMail(moved.options)).isDone, true);
      await moved.files.close();
      await moved.files.removeIndex();
      await assertLikeHome(moved.files);
      assert.deepEqual(await (await moved.files.account()).check(), []);
    });
  }

  test("a move removes the mboxes, empties the spool, and leaves what is no mail", async () => {
    await using moved = await prepare(
      async (home) => {
        await makeHome(home);
        await mkdir(join(home, "mail", ".imap", "INBOX"), { recursive: true });
        await writeFile(join(home, "mail", ".imap", "INBOX", "dovecot.index.log"), "index");
        await mkdir(join(home, "mail", "notes"));
        await writeFile(join(home, "mail", "notes", "list.txt"), "Milk\n");
        await writeFile(join(home, "mail", "old.mbx"), "*mbx*\r\n123\r\n");
        await writeFile(join(home, "mail", "2019.gz"), Buffer.from("1f8b0800", "hex"));
      },
      { mode: "move" },
    );
    const { remarks } = await planAdoption(moved.options);
    const told = remarks.join("\n");
    assert.match(told, /notes\/list\.txt" does not begin with a From_ line, and is left out/);
    assert.match(told, /old\.mbx" is of c-client's format mbx/);
    assert.match(told, /2019\.gz" is packed/);
    assert.deepEqual((await adoptMail(moved.options)).left, []);
    await assertLikeHome(moved.files);
    assert.equal(await readFile(moved.spool, "latin1"), "");
    const left = (await readdir(moved.source)).filter((entry) => entry !== ".imap");
    assert.deepEqual(left.sort(), ["2019.gz", "notes", "old.mbx"]);
  });

  test("of a tree with nothing else in it nothing stays", async () => {
    await using moved = await prepare(
      async (home) => {
        await makeHome(home);
        await mkdir(join(home, "mail", "Work", ".imap", "2026"), { recursive: true });
        await writeFile(join(home, "mail", ".subscriptions"), "V\t2\n\nWork\tEntw&APw-rfe v1.2\n");
      },
      { mode: "move" },
    );
    await adoptMail(moved.options);
    assert.deepEqual((await readdir(moved.home)).sort(), [".mailboxlist", "spool"]);
    const infos = await (await moved.files.account()).listMailboxes();
    assert.deepEqual(
      infos.filter(({ isSubscribed }) => isSubscribed).map(({ name }) => name),
      [drafts],
      "Dovecot's own list is the later one",
    );
  });

  test("a mailbox that is named as a file of Dovecot's or a lock is one when there is mail in it", async () => {
    await using moved = await prepare(
      async (home) => {
        await writeFile(join(home, "mail", "inbox"), foreign("1"));
        await writeFile(join(home, "mail", "dovecot.index"), foreign("2"));
        await writeFile(join(home, "mail", "dovecot-users"), foreign("3"));
        await writeFile(join(home, "mail", "subscriptions"), foreign("4"));
        await writeFile(join(home, "mail", "x.lock"), foreign("5"));
        await writeFile(join(home, "mail", "dovecot-uidvalidity"), "70000000");
        await writeFile(join(home, "mail", "y.lock"), "123:host");
      },
      { mode: "move" },
    );
    await adoptMail(moved.options);
    assert.deepEqual(await subjectsIn(moved.files), ["1", "2", "3", "4", "5"]);
    assert.ok((await (await moved.files.account()).status("INBOX")).uidValidity > 0x70000000);
    assert.equal(await isThere(moved.source), false);
  });

  test("X-UIDs that came along from another mailbox are not believed", async () => {
    const withUid = (subject: string, uid: number) =>
      foreign(subject).replace("Subject", `X-UID: ${uid}\nSubject`);
    await using moved = await prepare(async (home) => {
      await writeFile(
        join(home, "mail", "inbox"),
        withUid("1", 5).replace("X-UID", "X-IMAPbase: 77 9\nX-UID") +
          withUid("2", 3) +
          withUid("3", 9) +
          withUid("4", 900) +
          withUid("5", 9),
      );
      await writeFile(join(home, "mail", "nobase"), withUid("6", 4));
    });
    await adoptMail(moved.options);
    const account = await moved.files.account();
    const { uidValidity, messages } = await snapshotOf(account, "INBOX");
    assert.deepEqual([uidValidity, messages.map(({ uid }) => uid)], [77, [5, 9, 10, 11, 12]]);
    const order = (await textsIn(moved.files, "INBOX")).map(
      (text) => /Subject: (.)/.exec(text)?.[1],
    );
    assert.deepEqual(order, ["1", "3", "2", "4", "5"]);
    const other = await snapshotOf(account, "nobase");
    assert.deepEqual(
      other.messages.map(({ uid }) => uid),
      [1],
    );
  });

  test("more keywords than there are letters stay, and mutt's Lines is served as Dovecot did", async () => {
    const keywords = Array.from({ length: 40 }, (_, at) => `word${at}`);
    await using moved = await prepare((home) =>
      writeFile(
        join(home, "mail", "inbox"),
        `From a@b Mon Jan  1 00:00:00 2001\nX-IMAPbase: 5 1 ${keywords.join(" ")}\nX-UID: 1\nX-Keywords: ${keywords.join(" ")}\nLines: 1\nContent-Length: 5\n\ntext\n\n`,
      ),
    );
    await adoptMail(moved.options);
    const { messages } = await snapshotOf(await moved.files.account(), "INBOX");
    assert.deepEqual(messages[0]?.keywords, [...keywords].sort());
    assert.deepEqual(await textsIn(moved.files, "INBOX"), ["Lines: 1\r\n\r\ntext\r\n"]);
  });

  test("one file alone is INBOX; a Maildir among mboxes is taken as well; a link is followed", async () => {
    await using moved = await prepare(async (home) => {
      await mkdir(join(home, "mail", "lists", "cur"), { recursive: true });
      await writeFile(join(home, "mail", "lists", "cur", "1000000001.a:2,S"), "Subject: 8\n\n");
      await writeFile(join(home, "elsewhere"), foreign("9"));
      await symlink("../elsewhere", join(home, "mail", "linked"));
      await symlink("..", join(home, "mail", "up"));
      await writeFile(join(home, "mail", "Inbox"), foreign("7"));
      await writeFile(join(home, "mail", "x.lock"), "");
    });
    const alone = { ...moved.options, account: { id: "bob", address: "bob@example.org" } };
    await adoptMail({ ...alone, source: join(moved.source, "Inbox") });
    const bob = await moved.files.account(alone.account);
    assert.equal((await bob.status("INBOX")).messages, 1);
    const { remarks } = await planAdoption(moved.options);
    assert.match(remarks.join("\n"), /up" is a link to a directory/);
    await adoptMail({ ...moved.options, mode: "move" });
    assert.deepEqual(await subjectsIn(moved.files), ["7", "8", "9"]);
    assert.deepEqual((await readdir(moved.source)).sort(), ["up", "x.lock"]);
    assert.equal(await readFile(join(moved.home, "elsewhere"), "latin1"), "");
  });

  test("a link to somebody else's mbox is neither read nor emptied", {
    skip: process.getuid?.() === 0 ? false : "only root can make such a link",
  }, async () => {
    await using moved = await prepare(
      async (home) => {
        await writeFile(join(home, "mail", "inbox"), foreign("1"));
        await writeFile(join(home, "bob"), foreign("2"));
        await symlink("../bob", join(home, "mail", "mine"));
        await lchown(join(home, "mail", "mine"), 1000, 1000);
      },
      { mode: "move" },
    );
    await adoptMail(moved.options);
    assert.deepEqual(await subjectsIn(moved.files), ["1"]);
    assert.equal(await readFile(join(moved.home, "bob"), "latin1"), foreign("2"));
  });

  test("a second file of one name gets another one; without any INBOX it begins empty", async () => {
    await using moved = await prepare(async (home) => {
      await writeFile(join(home, "spool"), foreign("1"));
      await writeFile(join(home, "mail", "INBOX"), foreign("2"));
    });
    const { inbox: _inbox, ...withoutInbox } = moved.options;
    await writeFile(join(moved.source, "a"), foreign("3"));
    assert.match((await planAdoption(moved.options)).remarks.join(), /becomes "INBOX-2"/);
    await adoptMail(moved.options);
    const names = (await (await moved.files.account()).listMailboxes()).map(({ name }) => name);
    assert.deepEqual(names, ["INBOX", "INBOX-2", "a"]);
    const other = { ...withoutInbox, account: { id: "bob", address: "bob@example.org" } };
    await mkdir(join(moved.home, "Mail"));
    await writeFile(join(moved.home, "Mail", "a"), foreign("3"));
    const plan = await planAdoption({ ...other, source: join(moved.home, "Mail") });
    assert.match(plan.remarks.join(), /No file is INBOX/);
    await adoptMail({ ...other, source: join(moved.home, "Mail") });
    const bob = await moved.files.account(other.account);
    assert.deepEqual((await bob.status("INBOX")).messages, 0);
  });

  test("what cannot be is refused with a sentence, and nothing is changed", async () => {
    await using moved = await prepare(makeHome);
    const refused = async (options: Partial<AdoptionOptions>, sentence: RegExp) => {
      await assert.rejects(
        adoptMail({ ...moved.options, ...options }),
        (error) => error instanceof StoreError && sentence.test(error.message),
      );
    };
    await refused({ mode: "link" }, /no files that could be linked/);
    await refused({ inbox: join(moved.home, "none") }, /cannot be INBOX: it is no file/);
    await refused({ inbox: join(moved.home, ".mailboxlist") }, /does not begin with a From_ line/);
    await mkdir(join(moved.home, "empty"));
    const { inbox: _inbox, ...withoutInbox } = moved.options;
    await assert.rejects(
      adoptMail({ ...withoutInbox, source: join(moved.home, "empty") }),
      /is no Maildir, and there is no mbox in it/,
    );
    assert.deepEqual(await readdir(moved.files.mailDirectory), ["old"]);
  });

  test("what another program appends while it holds a lock is taken as well", async () => {
    await using moved = await prepare(makeHome);
    const fd = openSync(moved.spool, "r+");
    assert.ok(tryToLock(fd, "write"));
    const adopted = adoptMail(moved.options);
    await appendFile(moved.spool, foreign("7"));
    closeSync(fd);
    await adopted;
    assert.equal((await textsIn(moved.files, "INBOX")).length, 4);
  });

  test("a dotlock is waited for before a message is read", async () => {
    await using moved = await prepare(makeHome);
    await writeFile(`${moved.spool}.lock`, `${process.ppid}:${hostname()}`);
    const adopted = adoptMail(moved.options);
    const staging = join(
      moved.files.mailDirectory,
      "example.org",
      ".posthouse-adopting.ann",
      "cur",
    );
    const isBegun = async () => {
      while (!(await isThere(staging))) await wait(5);
    };
    await Promise.race([isBegun(), adopted.then(() => assert.fail("it waited for nobody"))]);
    await appendFile(moved.spool, foreign("7"));
    await unlink(`${moved.spool}.lock`);
    await adopted;
    assert.equal((await textsIn(moved.files, "INBOX")).length, 4);
    assert.equal(await isThere(`${moved.spool}.lock`), false);
  });

  for (const [mode, row] of [
    ["copy", "T1"],
    ["copy", "T2"],
    ["copy", "T3"],
    ["copy", "T4"],
    ["move", "T4"],
    ["move", "T5"],
  ] as const) {
    test(`killed at ${row} (${mode}), it loses nothing and can be done again`, async () => {
      await using moved = await prepare(makeHome, { mode });
      await moved.files.account();
      await moved.files.close();
      const before = await filesBelow(moved.home);
      await killAdoption(moved.options, row);
      const { "spool.lock": dotlock, ...left } = await filesBelow(moved.home);
      if (row !== "T5") assert.deepEqual(left, before);
      assert.equal(dotlock !== undefined, row === "T1" || row === "T5", "of the dead process");
      await adoptMail(moved.options);
      await assertLikeHome(moved.files);
      const accounts = await readdir(join(moved.files.mailDirectory, "example.org"));
      assert.deepEqual(accounts, ["ann"]);
      assert.equal(await isThere(`${moved.spool}.lock`), false);
      if (mode === "move") {
        assert.equal(await isThere(moved.source), false);
        assert.equal(await readFile(moved.spool, "latin1"), "");
      }
    });
  }

  test("an mbox that was changed after it was taken over is not removed", async () => {
    await using moved = await prepare(makeHome, { mode: "move" });
    await killAdoption(moved.options, "T4");
    await appendFile(moved.spool, foreign("late"));
    const { left } = await adoptMail(moved.options);
    assert.equal(left.length, 1);
    assert.match(left[0] ?? "", /spool" was changed after it was taken over/);
    assert.equal(await readFile(moved.spool, "latin1"), inbox + foreign("late"));
    assert.equal(await isThere(moved.source), false);
    await assertLikeHome(moved.files);
  });
});
