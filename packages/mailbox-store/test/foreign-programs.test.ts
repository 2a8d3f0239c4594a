import assert from "node:assert/strict";
import {
  appendFile,
  mkdir,
  readdir,
  readFile,
  rename,
  rm,
  utimes,
  writeFile,
} from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { type AccountMail, StoreError, type Uid } from "../src/index.ts";
import { ann, message, octetsOf, snapshotOf, TestStore, uidsOf } from "./store-for-tests.ts";

function uids(...numbers: number[]): Uid[] {
  return numbers as Uid[];
}

async function deliver(account: AccountMail, subject: string): Promise<void> {
  await account.deliver("INBOX", { octets: [message(subject)] }, subject);
}

/** The one file of cur/ or new/. */
async function onlyFile(directory: string): Promise<string> {
  const [name = "", ...others] = await readdir(directory);
  assert.deepEqual(others, []);
  return name;
}

void describe("what other programs do to the files", { concurrency: 4 }, () => {
  test("a file dropped into new/ or cur/ is seen at the next sync", async () => {
    await using files = await TestStore.open();
    const account = await files.account();
    await using inbox = await account.openMailbox("INBOX");
    await writeFile(join(files.annPath, "new", "1700000001.a.mutt"), message("1"));
    await writeFile(join(files.annPath, "cur", "1700000002.b.mutt:2,FS"), message("2"));
    const { added } = await inbox.sync(inbox.columns);
    assert.deepEqual(added, [1, 2]);
    assert.deepEqual([...inbox.columns.systemFlags], [0, 10]);
    assert.deepEqual(await octetsOf(inbox, 2), message("2"));
    assert.deepEqual(await inbox.claimRecent(), new Set([1]));
    const [summary] = (await Array.fromAsync(inbox.summaries(uids(2)))).flat();
    assert.match(Buffer.from(summary?.envelope ?? []).toString(), /"2"/);
  });

  test("a file with LF line ends is served with CRLF, sizes and offsets counted so", async () => {
    await using files = await TestStore.open();
    const account = await files.account();
    const text = message("lf", "one\r\ntwo\r\n\r\nthree\r\n".repeat(6_000));
    const lf = text.toString().replaceAll("\r\n", "\n");
    await writeFile(join(files.annPath, "new", "1700000001.a.mutt"), lf);
    await using inbox = await account.openMailbox("INBOX");
    assert.equal(inbox.columns.sizes[0], text.length);
    assert.deepEqual(await octetsOf(inbox, 1), text);
    await using stored = await inbox.openMessage(uids(1)[0] as Uid);
    assert.equal(stored.sizeBytes, text.length);
    const part = await stored.parts();
    assert.equal(part.bodyEnd, text.length);
    for (const [start, end] of [
      [part.bodyStart, part.bodyStart + 7],
      [3, 3],
      [text.length - 5, text.length],
      [70_000, 90_001],
    ] as const) {
      const chunks = await Array.fromAsync(stored.read(start, end));
      assert.ok(Buffer.concat(chunks).equals(text.subarray(start, end)), `${start} to ${end}`);
    }
    await inbox.copy(uids(1), "Archive");
    await using archive = await account.openMailbox("Archive");
    assert.deepEqual(await octetsOf(archive, 1), text);
  });

  test("the same message has the same EMAILID with LF and with CRLF", async () => {
    await using files = await TestStore.open();
    const account = await files.account();
    const lf = message("same").toString().replaceAll("\r\n", "\n");
    await writeFile(join(files.annPath, "cur", "1700000001.a.mutt:2,"), lf);
    await using inbox = await account.openMailbox("INBOX");
    await account.append("INBOX", [{ octets: [message("same")] }]);
    await inbox.sync(inbox.columns);
    const [one, other] = (await Array.fromAsync(inbox.summaries(uids(1, 2)))).flat();
    assert.equal(one?.emailId, other?.emailId);
  });

  test("a rename is a change of flags, letter by letter", async () => {
    await using files = await TestStore.open();
    const account = await files.account();
    await deliver(account, "1");
    await using inbox = await account.openMailbox("INBOX");
    await inbox.changeFlags(uids(1), { mode: "add", systemFlags: ["\\Seen"], keywords: ["todo"] });
    await inbox.sync(inbox.columns);
    const cur = join(files.annPath, "cur");
    const name = await onlyFile(cur);
    assert.match(name, /:2,Sa$/);
    await rename(join(cur, name), join(cur, name.replace(":2,Sa", ":2,FPTa")));
    const { changed } = await inbox.sync(inbox.columns);
    assert.deepEqual(changed, [1]);
    assert.equal(inbox.columns.systemFlags[0], 2 | 4);
    assert.deepEqual(inbox.columns.keywordSets[inbox.columns.keywordSet[0] ?? 0], ["todo"]);
    await inbox.changeFlags(uids(1), { mode: "replace", systemFlags: ["\\Seen"], keywords: [] });
    assert.match(await onlyFile(cur), /:2,PS$/, "a letter that is not ours stays");
  });

  test("a flag can be changed while another program has just renamed the file", async () => {
    await using files = await TestStore.open();
    const account = await files.account();
    await deliver(account, "1");
    await using inbox = await account.openMailbox("INBOX");
    await inbox.claimRecent();
    const cur = join(files.annPath, "cur");
    const name = await onlyFile(cur);
    await rename(join(cur, name), join(cur, `${name}F`));
    await inbox.changeFlags(uids(1), { mode: "add", systemFlags: ["\\Seen"], keywords: [] });
    assert.match(await onlyFile(cur), /:2,FS$/);
    await inbox.sync(inbox.columns);
    assert.equal(inbox.columns.systemFlags[0], 10);
    await rename(join(cur, `${name}FS`), join(cur, `${name}S`));
    assert.deepEqual(await octetsOf(inbox, 1), message("1"));
    await rename(join(cur, `${name}S`), join(cur, `${name}T`));
    await inbox.copy(uids(1), "Archive");
    await rename(join(cur, `${name}T`), join(cur, `${name}R`));
    await inbox.expunge(uids(1));
    assert.deepEqual(await readdir(cur), []);
    assert.equal((await snapshotOf(account, "Archive")).messages[0]?.systemFlags, 4);
  });

  test("a file that was removed is gone at once, and expunged at the next sync", async () => {
    await using files = await TestStore.open();
    const account = await files.account();
    await deliver(account, "1");
    const first = await onlyFile(join(files.annPath, "new"));
    await deliver(account, "2");
    await using inbox = await account.openMailbox("INBOX");
    await rm(join(files.annPath, "new", first));
    await assert.rejects(
      inbox.openMessage(uids(1)[0] as Uid),
      (error) => error instanceof StoreError && error.code === "gone",
    );
    await inbox.sync(inbox.columns);
    assert.deepEqual(uidsOf(inbox), [2]);
    await inbox.changeFlags(uids(1, 2), { mode: "add", systemFlags: ["\\Seen"], keywords: [] });
    assert.deepEqual(await account.check(), []);
  });

  test("a file that comes back after it was expunged gets another UID", async () => {
    await using files = await TestStore.open();
    const account = await files.account();
    await deliver(account, "1");
    await using inbox = await account.openMailbox("INBOX");
    const path = join(files.annPath, "new", await onlyFile(join(files.annPath, "new")));
    const octets = await readFile(path);
    await rm(path);
    await inbox.sync(inbox.columns);
    assert.deepEqual(uidsOf(inbox), []);
    await writeFile(path, octets);
    await inbox.sync(inbox.columns);
    assert.deepEqual(uidsOf(inbox), [2]);
  });

  test("UIDs that Dovecot gave are honoured, and ours go on above them", async () => {
    await using files = await TestStore.open();
    const account = await files.account();
    await deliver(account, "1");
    await using inbox = await account.openMailbox("INBOX");
    await writeFile(join(files.annPath, "cur", "1700000001.dovecot:2,S"), message("2"));
    await appendFile(join(files.annPath, "dovecot-uidlist"), "5 W99 :1700000001.dovecot:2,\n");
    await deliver(account, "3");
    await inbox.sync(inbox.columns);
    assert.deepEqual(uidsOf(inbox), [1, 5, 6]);
    assert.deepEqual(await octetsOf(inbox, 5), message("2"));
  });

  test("a tree of Dovecot is taken over with its UIDVALIDITY, UIDs, flags and keywords", async () => {
    await using files = await TestStore.open();
    for (const folder of ["", ".Entw&APw-rfe", ".Work", ".Work.2026"]) {
      for (const directory of ["new", "cur", "tmp"]) {
        await mkdir(join(files.annPath, folder, directory), { recursive: true });
      }
    }
    const inboxPath = files.annPath;
    const names = [
      "1700000003.M1.host,S=80,W=90",
      "1700000001.M2.host",
      "1700000002.M3.host",
      "1700000009.M4.host",
    ];
    for (const [at, name] of names.entries()) {
      await writeFile(
        join(inboxPath, "cur", `${name}:2,${at === 1 ? "Sb" : ""}`),
        message(`${at}`),
      );
    }
    const guid = "3085f01b7f11094c501100008c4a11c1";
    await writeFile(
      join(inboxPath, "dovecot-uidlist"),
      `3 V1234567890 N100 G${guid}\n7 :${names[0]}:2,S\n20 :${names[1]}\n21 :gone\n30 W5 :${names[2]}\n`,
    );
    await writeFile(join(inboxPath, "dovecot-keywords"), "0 $Forwarded\n1 todo\n");
    await writeFile(join(inboxPath, "subscriptions"), "V\t2\n\nEntw&APw-rfe\nWork\t2026\n");
    await utimes(join(inboxPath, "cur", `${names[3]}:2,`), 1e9, 1e9);

    const account = await files.account();
    await using inbox = await account.openMailbox("INBOX");
    assert.equal(inbox.uidValidity, 1234567890);
    assert.equal(inbox.mailboxId, guid);
    assert.deepEqual(uidsOf(inbox), [7, 20, 30, 100]);
    const { messages } = await snapshotOf(account, "INBOX");
    assert.deepEqual([messages[1]?.systemFlags, messages[1]?.keywords], [8, ["todo"]]);
    assert.deepEqual(
      [messages[3]?.internalDateMs, messages[3]?.saveDateMs],
      [1e12, 1_700_000_009_000],
    );
    assert.equal(messages[0]?.size, message("0").length, "a wrong S in a name is not believed");
    const infos = await account.listMailboxes();
    assert.deepEqual(
      infos.map(({ name, isSubscribed }) => [name, isSubscribed]),
      [
        ["INBOX", false],
        ["Entwürfe", true],
        ["Work", false],
        ["Work/2026", true],
      ],
    );
  });

  test("folders that come, go and are renamed are mailboxes that do so", async () => {
    await using files = await TestStore.open();
    const account = await files.account();
    await account.append("Sent", [{ octets: [message("1")] }]);
    const before = await snapshotOf(account, "Sent");
    await rename(join(files.annPath, ".Sent"), join(files.annPath, ".Gesendet"));
    await rm(join(files.annPath, ".Junk"), { recursive: true });
    await mkdir(join(files.annPath, ".New", "cur"), { recursive: true });
    assert.deepEqual(await snapshotOf(account, "Gesendet"), before);
    const names = (await account.listMailboxes())
      .filter(({ exists }) => exists)
      .map(({ name }) => name);
    assert.deepEqual(names, ["INBOX", "Archive", "Drafts", "Gesendet", "New", "Trash"]);
    await account.append("New", [{ octets: [message("1")] }]);
  });

  test("another UIDVALIDITY in dovecot-uidlist begins the mailbox anew", async () => {
    await using files = await TestStore.open();
    const account = await files.account();
    await deliver(account, "1");
    await using inbox = await account.openMailbox("INBOX");
    const name = await onlyFile(join(files.annPath, "new"));
    await writeFile(join(files.annPath, "dovecot-uidlist"), `3 V4000000000 N8\n7 :${name}\n`);
    await deliver(account, "2");
    await inbox.sync(inbox.columns);
    assert.equal(inbox.uidValidity, 4_000_000_000);
    assert.deepEqual(uidsOf(inbox), [7, 8]);
  });

  test("check() names what files and index disagree about, and puts it right", async () => {
    await using files = await TestStore.open();
    const account = await files.account();
    await deliver(account, "1");
    assert.equal((await account.status("INBOX")).messages, 1);
    const fresh = join(files.annPath, "new");
    await rm(join(fresh, await onlyFile(fresh)));
    await writeFile(join(files.annPath, "cur", "1700000001.x:2,S"), message("2"));
    const findings = await account.check();
    assert.deepEqual(findings, [
      'The file of UID 1 in "INBOX" is gone; repair tells clients that the message is expunged',
      'The index does not know the file 1700000001.x:2,S in "INBOX"; repair takes it in under a new UID',
    ]);
    assert.deepEqual(await account.check({ repair: true }), findings);
    assert.deepEqual(await account.check(), []);
    const { messages } = await snapshotOf(account, "INBOX");
    assert.deepEqual(
      messages.map(({ uid }) => uid),
      [2],
    );
  });

  test("a file dropped into a selected mailbox wakes its watchers", async () => {
    await using files = await TestStore.open();
    const account = await files.account();
    await using inbox = await account.openMailbox("INBOX");
    const woken = Promise.withResolvers<void>();
    using _watching = account.onChange(woken.resolve);
    await writeFile(join(files.annPath, "new", "1700000001.a.mutt"), message("1"));
    await woken.promise;
    await inbox.sync(inbox.columns);
    assert.deepEqual(uidsOf(inbox), [1]);
  });

  test("what the disk refuses is unavailable, leaves nothing, and works again when it is put right", async () => {
    await using files = await TestStore.open();
    const account = await files.account();
    await deliver(account, "1");
    const fresh = join(files.annPath, "new");
    await rename(fresh, `${fresh}.aside`);
    await writeFile(fresh, "in the way");
    await assert.rejects(
      deliver(account, "2"),
      (error) => error instanceof StoreError && error.code === "unavailable",
    );
    assert.deepEqual(await readdir(join(files.annPath, "tmp")), []);
    await rm(fresh);
    await rename(`${fresh}.aside`, fresh);
    await deliver(account, "2");
    const { messages } = await snapshotOf(account, "INBOX");
    assert.equal(messages.length, 2);
    assert.deepEqual(await account.check(), []);
  });

  test("what was left in tmp/ is swept when it is older than 36 hours", async () => {
    await using files = await TestStore.open();
    await files.account();
    const old = join(files.annPath, "tmp", "old");
    const young = join(files.annPath, ".Sent", "tmp", "young");
    await writeFile(old, "x");
    await writeFile(young, "x");
    const thenSeconds = Date.now() / 1000 - 37 * 3600;
    await utimes(old, thenSeconds, thenSeconds);
    await files.close();
    await files.account(ann);
    assert.deepEqual(await readdir(join(files.annPath, "tmp")), []);
    assert.deepEqual(await readdir(join(files.annPath, ".Sent", "tmp")), ["young"]);
  });
});
