import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { access, appendFile, chmod, mkdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { userInfo } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { promisify } from "node:util";
import Database from "better-sqlite3";
import type { Mailbox, Uid } from "../src/index.ts";
import { inboxFolder } from "../src/maildir/folder-name.ts";
import { receiveMessage } from "../src/receive-message.ts";
import { AccountWriter } from "../src/writer/account-writer.ts";
import { message, octetsOf, snapshotOf, TestStore, uidsOf } from "./store-for-tests.ts";

const run = promisify(execFile);

function uids(...numbers: number[]): Uid[] {
  return numbers as Uid[];
}

function mboxOf(files: TestStore): string {
  return join(files.annPath, "mbox");
}

/** As procmail appends. */
function foreign(subject: string): string {
  return `From bob@example.org Sun Nov 22 09:00:00 2026\nSubject: ${subject}\n\nHello\n\n`;
}

async function deliverAll(files: TestStore, subjects: readonly string[]): Promise<Mailbox> {
  const account = await files.account();
  for (const subject of subjects) {
    await account.deliver("INBOX", { octets: [message(subject)] }, subject);
  }
  return account.openMailbox("INBOX");
}

async function subjectsOf(inbox: Mailbox): Promise<string[]> {
  const subjects: string[] = [];
  for (const uid of uidsOf(inbox)) {
    const octets = (await octetsOf(inbox, uid)).toString();
    subjects.push(/^Subject: (.*)\r$/m.exec(octets)?.[1] ?? "");
  }
  return subjects;
}

void describe("what other programs do to an mbox", { concurrency: 4 }, () => {
  test("a message that is appended is seen, numbered, and keeps its number without the index", async () => {
    await using files = await TestStore.open({}, "mbox");
    await using inbox = await deliverAll(files, ["1"]);
    await appendFile(mboxOf(files), foreign("2") + foreign("3"));
    const { added } = await inbox.sync(inbox.columns);
    assert.deepEqual(added, [2, 3]);
    assert.deepEqual(await subjectsOf(inbox), ["1", "2", "3"]);
    await inbox.changeFlags(uids(3), { mode: "add", systemFlags: ["\\Seen"], keywords: ["todo"] });
    const account = await files.account();
    const before = await snapshotOf(account, "INBOX");
    assert.deepEqual(before.messages[2]?.keywords, ["todo"]);
    await files.close();
    await files.removeIndex();
    assert.deepEqual(await snapshotOf(await files.account(), "INBOX"), before);
    assert.deepEqual(await (await files.account()).check(), []);
  });

  test("a message that is removed is expunged, and its number not given again", async () => {
    await using files = await TestStore.open({}, "mbox");
    await using inbox = await deliverAll(files, ["1", "2", "3"]);
    const text = await readFile(mboxOf(files), "latin1");
    const starts = [...text.matchAll(/^From /gm)].map(({ index }) => index);
    // The first, and with it X-IMAPbase.
    await writeFile(mboxOf(files), text.slice(starts[1]), "latin1");
    const uidValidity = inbox.uidValidity;
    const { vanished } = await inbox.sync(inbox.columns);
    assert.deepEqual(vanished, [1]);
    assert.deepEqual(await subjectsOf(inbox), ["2", "3"]);
    const account = await files.account();
    const { uids: given } = await account.deliver("INBOX", { octets: [message("4")] }, "4");
    assert.deepEqual(given, [4]);
    await files.close();
    await files.removeIndex();
    await using again = await (await files.account()).openMailbox("INBOX");
    assert.deepEqual([again.uidValidity, uidsOf(again)], [uidValidity, [2, 3, 4]]);
  });

  test("an mbox with X-IMAPbase and X-UID is taken over as it is", async () => {
    await using files = await TestStore.open();
    await mkdir(files.annPath, { recursive: true });
    await mkdir(join(files.annPath, ".Old"));
    const inbox = [
      "From MAILER-DAEMON Mon Jan  1 00:00:00 2001 +0000",
      "X-IMAP: 1234567890 0000000040 todo",
      "Subject: DON'T DELETE THIS MESSAGE -- FOLDER INTERNAL DATA",
      "",
      "internal",
      "",
      "From a@example.org Mon Jan  1 00:00:00 2001 +0000",
      "Subject: 1",
      "X-UID: 7",
      "Status: RO",
      "X-Status: AF",
      "X-Keywords: todo",
      "",
      ">From quoted",
      "",
      "From b@example.org Mon Jan  1 00:00:01 2001 +0100",
      "Subject: 2",
      "X-UID: 30",
      "",
      "no empty line after this",
      "From time to time there is a line like this",
      "",
    ].join("\n");
    await writeFile(mboxOf(files), inbox);
    await writeFile(join(files.annPath, ".Old", "mbox"), foreign("old"));
    const account = await files.account();
    const { uidValidity, messages } = await snapshotOf(account, "INBOX");
    assert.equal(uidValidity, 1_234_567_890);
    assert.deepEqual(
      messages.map((row) => [row.uid, row.systemFlags, row.keywords, row.internalDateMs]),
      [
        [7, 11, ["todo"], Date.UTC(2001, 0, 1)],
        [30, 0, [], Date.UTC(2001, 0, 1) - 3_599_000],
      ],
    );
    await using opened = await account.openMailbox("INBOX");
    assert.equal((await octetsOf(opened, 7)).toString(), "Subject: 1\r\n\r\nFrom quoted\r\n");
    assert.match((await octetsOf(opened, 30)).toString(), /this\r\nFrom time to .*\r\n$/);
    const { uids: given } = await account.append("INBOX", [{ octets: [message("3")] }]);
    assert.deepEqual(given, [41]);
    assert.match(await readFile(mboxOf(files), "latin1"), /^X-IMAP: 1234567890 0000000041 todo$/m);
    assert.equal((await snapshotOf(account, "Old")).messages.length, 1);
    await using old = await account.openMailbox("Old");
    await old.move(uids(1), "INBOX");
    assert.equal((await snapshotOf(account, "INBOX")).messages.length, 4);
  });

  test("a dotlock or an fcntl lock of another program is waited for", async () => {
    await using files = await TestStore.open({}, "mbox");
    await using inbox = await deliverAll(files, ["1"]);
    const lock = `${mboxOf(files)}.lock`;
    await writeFile(lock, "1", { flag: "wx" });
    const account = await files.account();
    const delivered = account.deliver("INBOX", { octets: [message("2")] }, "2");
    assert.deepEqual(await octetsOf(inbox, 1), message("1"), "reading is not held up by a dotlock");
    assert.doesNotMatch(await readFile(mboxOf(files), "latin1"), /^Subject: 2$/m);
    await rm(lock);
    await delivered;
    await inbox.sync(inbox.columns);
    assert.deepEqual(uidsOf(inbox), [1, 2]);
  });

  test("a watched mbox wakes its watchers when another program appends", async () => {
    await using files = await TestStore.open({}, "mbox");
    await using inbox = await deliverAll(files, ["1"]);
    const woken = Promise.withResolvers<void>();
    using _watching = (await files.account()).onChange(woken.resolve);
    await appendFile(mboxOf(files), foreign("2"));
    await woken.promise;
    await inbox.sync(inbox.columns);
    assert.deepEqual(uidsOf(inbox), [1, 2]);
  });

  test("the file stays the same file, whatever is written", async () => {
    await using files = await TestStore.open({}, "mbox");
    await using inbox = await deliverAll(files, ["1", "2", "3"]);
    const { ino } = await stat(mboxOf(files));
    await inbox.expunge(uids(1));
    await inbox.changeFlags(uids(2), {
      mode: "add",
      systemFlags: ["\\Seen"],
      keywords: ["x".repeat(200)],
    });
    await inbox.sync(inbox.columns);
    assert.deepEqual(await subjectsOf(inbox), ["2", "3"]);
    assert.equal((await stat(mboxOf(files))).ino, ino);
    assert.deepEqual(await (await files.account()).check(), []);
  });

  test("a message's own store fields are dropped, and no From_ line in it begins a message", async () => {
    await using files = await TestStore.open({}, "mbox");
    const account = await files.account();
    const octets =
      "Subject: 1\r\nX-UID: 99\r\nStatus: RO\r\nX-IMAPbase: 1 99\r\n\r\nFrom a@b Mon Jan  1 00:00:00 2001\r\nX-UID: 5\r\n\r\n>From x\r\n";
    await account.deliver("INBOX", { octets: [Buffer.from(octets)] }, "1");
    await using inbox = await account.openMailbox("INBOX");
    assert.deepEqual(uidsOf(inbox), [1]);
    assert.equal(
      (await octetsOf(inbox, 1)).toString(),
      "Subject: 1\r\n\r\nFrom a@b Mon Jan  1 00:00:00 2001\r\nX-UID: 5\r\n\r\n>From x\r\n",
    );
    await inbox.copy(uids(1), "Sent");
    await using sent = await account.openMailbox("Sent");
    assert.deepEqual(await octetsOf(sent, 1), await octetsOf(inbox, 1));
    assert.equal(sent.columns.sizes[0], (await octetsOf(sent, 1)).length);
  });
});

test("a scan sees what the jobs before it in its transaction wished for", async () => {
  await using files = await TestStore.open({}, "mbox");
  const guid = (await deliverAll(files, ["1", "2"])).mailboxId;
  await files.close();
  const append = async (subject: string) => {
    const host = "mx.example.org";
    const tmpDirectory = join(files.annPath, "tmp");
    const about = {
      tmpDirectory,
      host,
      messageBytesMax: 10_000,
      compression: "none",
      canHoldNul: false,
    } as const;
    const received = await receiveMessage({ octets: [message(subject)] }, about);
    const args = { folder: inboxFolder, messages: [received], isDelivery: false, quota: {} };
    return { name: "append", args } as const;
  };
  const flags = { guid, uids: [1], mode: "add", systemFlags: 8, keywords: [] } as const;
  const jobs = [
    await append("3"),
    { name: "changeFlags", args: flags },
    { name: "expunge", args: { guid, uids: [2] } },
    { name: "scan", args: { guid } },
    await append("4"),
  ] as const;
  const writer = new AccountWriter(
    files.annPath,
    { host: "mx.example.org", expungedDays: undefined },
    () => undefined,
  );
  const accountPath = files.annPath;
  const { outcomes } = writer.run(jobs.map((job, number) => ({ number, accountPath, ...job })));
  writer.close();
  assert.deepEqual(
    outcomes.map((outcome) => "code" in outcome && outcome.message),
    jobs.map(() => false),
  );
  const account = await files.account();
  await using inbox = await account.openMailbox("INBOX");
  assert.deepEqual(uidsOf(inbox), [1, 3, 4]);
  assert.deepEqual(await subjectsOf(inbox), ["1", "3", "4"]);
  assert.equal(inbox.columns.systemFlags[0], 8);
  assert.deepEqual(await account.check(), []);
});

test("a move whose commit fails loses nothing, from and to each format", async () => {
  await using files = await TestStore.open({}, "mbox");
  const account = await files.account();
  await mkdir(join(files.annPath, ".Dir", "cur"), { recursive: true });
  for (const name of ["INBOX", "Dir"]) {
    await account.append(name, [{ octets: [message(`${name} 1`)] }, { octets: [message("2")] }]);
  }
  const moves = [
    ["INBOX", "Dir"],
    ["Dir", "INBOX"],
    ["INBOX", "Sent"],
  ] as const;
  await using inbox = await account.openMailbox("INBOX");
  await using directory = await account.openMailbox("Dir");
  await account.status("Sent");
  const database = new Database(join(files.annPath, "index.sqlite"));
  // At the very end, when the rows of expunged messages are there already.
  database.exec(`CREATE TRIGGER diskIsFull BEFORE UPDATE OF uidNext ON mailboxes
    BEGIN SELECT RAISE(ROLLBACK, 'the disk is full'); END`);
  for (const [from, to] of moves) {
    const source = from === "INBOX" ? inbox : directory;
    await assert.rejects(source.move([...source.columns.uids] as Uid[], to));
  }
  database.exec("DROP TRIGGER diskIsFull");
  database.close();
  const subjects = new Set<string>();
  for (const name of ["INBOX", "Dir", "Sent"]) {
    await using mailbox = await account.openMailbox(name);
    await mailbox.sync(mailbox.columns);
    for (const subject of await subjectsOf(mailbox)) subjects.add(subject);
  }
  assert.deepEqual([...subjects].sort(), ["2", "Dir 1", "INBOX 1"]);
});

test("a mailbox of each format in one account: copies keep octets, flags and dates", async () => {
  await using files = await TestStore.open({ compression: "zstd" }, "mbox");
  const account = await files.account();
  await mkdir(join(files.annPath, ".Dir", "cur"), { recursive: true });
  const octets = message("1", `From here on\r\n${"a long line\r\n".repeat(500)}`);
  await account.append("Dir", [
    { octets: [octets], systemFlags: ["\\Seen"], keywords: ["todo"], internalDateMs: 1e12 },
  ]);
  await using directory = await account.openMailbox("Dir");
  await directory.copy(uids(1), "INBOX");
  await using inbox = await account.openMailbox("INBOX");
  await inbox.move(uids(1), "Dir");
  await directory.sync(directory.columns);
  assert.deepEqual(uidsOf(directory), [1, 2]);
  assert.deepEqual(await octetsOf(directory, 2), octets);
  const { messages } = await snapshotOf(account, "Dir");
  const { uid: _one, saveDateMs: _then, ...first } = messages[0] ?? {};
  const { uid: _other, saveDateMs: _now, ...second } = messages[1] ?? {};
  assert.deepEqual(second, first);
  assert.deepEqual((await snapshotOf(account, "INBOX")).messages, []);
});

const isInstalled = async (path: string) =>
  access(path).then(
    () => true,
    () => false,
  );

/** Dovecot does not open mail as root: where the test is root, the tree is given to `mail`. */
async function dovecot(files: TestStore, command: readonly string[]): Promise<string> {
  const { username, gid } = userInfo();
  const user = username === "root" ? "mail" : username;
  const home = join(files.mailDirectory, ".dovecot");
  await mkdir(home, { recursive: true });
  await chmod(files.mailDirectory, 0o755);
  const configuration = join(home, "dovecot.conf");
  await writeFile(
    configuration,
    [
      `base_dir = ${home}`,
      "log_path = /dev/stderr",
      "ssl = no",
      `mail_location = mbox:${home}/mail:INBOX=${mboxOf(files)}:INDEX=MEMORY`,
      `mail_home = ${home}`,
      `mail_uid = ${user}`,
      `mail_gid = ${user === "mail" ? "mail" : gid}`,
      "first_valid_uid = 0",
      "first_valid_gid = 0",
      "namespace inbox {",
      "inbox = yes",
      "}",
      "",
    ].join("\n"),
  );
  if (username === "root") await run("chown", ["-R", "mail:mail", files.mailDirectory]);
  const env = { ...process.env, USER: user, HOME: home };
  return (await run("/usr/bin/doveadm", ["-c", configuration, ...command], { env })).stdout;
}

test("Dovecot and we agree about UIDs, flags, keywords and dates in one mbox", {
  skip: (await isInstalled("/usr/bin/doveadm")) ? false : "Dovecot is not installed",
}, async () => {
  await using files = await TestStore.open({}, "mbox");
  await using inbox = await deliverAll(files, ["1", "2", "3"]);
  await inbox.expunge(uids(2));
  const change = { mode: "add", systemFlags: ["\\Flagged"], keywords: ["todo"] } as const;
  await inbox.changeFlags(uids(1), change);
  const status = await dovecot(files, [
    "mailbox",
    "status",
    "uidvalidity uidnext messages",
    "INBOX",
  ]);
  assert.equal(status.trim(), `INBOX messages=2 uidnext=4 uidvalidity=${inbox.uidValidity}`);
  const fetch = ["-f", "tab", "fetch", "uid flags", "mailbox", "INBOX"];
  const shown = (await dovecot(files, fetch)).trim().split("\n").slice(1);
  assert.deepEqual(
    shown.map((line) => line.replace(" \\Recent", "").replace("\\Recent", "")),
    ["1\t\\Flagged todo", "3\t"],
  );
  await dovecot(files, ["flags", "add", "\\Seen new", "mailbox", "INBOX", "uid", "3"]);
  await dovecot(files, ["copy", "INBOX", "mailbox", "INBOX", "uid", "1"]);
  await inbox.sync(inbox.columns);
  assert.deepEqual(uidsOf(inbox), [1, 3, 4]);
  assert.deepEqual([...inbox.columns.systemFlags], [2, 8, 2]);
  assert.deepEqual(inbox.columns.keywordSets[inbox.columns.keywordSet[1] ?? 0], ["new"]);
  await dovecot(files, ["expunge", "mailbox", "INBOX", "uid", "1"]);
  await inbox.sync(inbox.columns);
  assert.deepEqual(uidsOf(inbox), [3, 4]);
  assert.deepEqual(await subjectsOf(inbox), ["3", "1"]);
  const account = await files.account();
  const { uids: given } = await account.deliver("INBOX", { octets: [message("5")] }, "5");
  assert.deepEqual(given, [5]);
  const again = await dovecot(files, ["-f", "flow", "fetch", "uid", "mailbox", "INBOX"]);
  assert.equal(again.trim().split("\n").join(" "), "uid=3 uid=4 uid=5");
});

test("mutt deletes and flags in an mbox that is open here", {
  skip:
    (await isInstalled("/usr/bin/mutt")) && (await isInstalled("/usr/bin/script"))
      ? false
      : "mutt is not installed",
}, async () => {
  await using files = await TestStore.open({}, "mbox");
  await using inbox = await deliverAll(files, ["1", "2", "3"]);
  const home = join(files.mailDirectory, ".mutt");
  await mkdir(home);
  const settings = `set folder=${home}\nset move=no\nset delete=yes\nset quit=yes\nset sort=mailbox-order\nset mark_old=no\nset record=""\npush "<first-entry><delete-message><sync-mailbox><first-entry><flag-message><quit>"\n`;
  await writeFile(join(home, "rc"), settings);
  await run("script", ["-qec", `mutt -n -F ${home}/rc -f ${mboxOf(files)}`, "/dev/null"], {
    env: { ...process.env, HOME: home, TERM: "vt100" },
    timeout: 20_000,
  });
  await inbox.sync(inbox.columns);
  assert.deepEqual(uidsOf(inbox), [2, 3]);
  assert.deepEqual(await subjectsOf(inbox), ["2", "3"]);
  assert.equal((inbox.columns.systemFlags[0] ?? 0) & 2, 2);
  assert.deepEqual(await octetsOf(inbox, 3), message("3"));
  const { uids: given } = await (await files.account()).deliver(
    "INBOX",
    { octets: [message("4")] },
    "4",
  );
  assert.deepEqual(given, [4]);
});
