import assert from "node:assert/strict";
import {
  appendFile,
  chmod,
  copyFile,
  link,
  mkdir,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  utimes,
  writeFile,
} from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import Database from "better-sqlite3";
import type { AccountMail, Uid } from "../src/index.ts";
import {
  accountsOf,
  ann,
  message,
  octetsOf,
  snapshotOf,
  TestStore,
  uidsOf,
} from "./store-for-tests.ts";

type Files = Pick<TestStore, "account" | "annPath">;

/** What is wrong, what a check says of it, and what is there when it was repaired. */
interface Case {
  readonly name: string;
  readonly damage: (files: Files) => unknown;
  /** While nobody has the account open. */
  readonly damageClosed?: true;
  readonly findings: readonly RegExp[];
  /** UIDs of INBOX afterwards; 1, 2 and 3 when absent. */
  readonly uids?: readonly number[];
  /** Other flags, dates or sizes than before are what was wanted. */
  readonly isOther?: boolean;
}

const sql = (text: string) => (files: Files) => {
  const database = new Database(join(files.annPath, "index.sqlite"));
  database.unsafeMode(true);
  database.exec(text);
  database.close();
};

/** The path of the file of a UID in INBOX. */
async function fileOf(files: Files, uid: number): Promise<string> {
  const list = await readFile(join(files.annPath, "dovecot-uidlist"), "utf8");
  const key = new RegExp(`^${uid} .*:(.*)$`, "m").exec(list)?.[1] ?? "";
  for (const directory of ["new", "cur"]) {
    const names = await readdir(join(files.annPath, directory));
    const name = names.find((one) => one.startsWith(key));
    if (name !== undefined) return join(files.annPath, directory, name);
  }
  return assert.fail(`UID ${uid} has no file`);
}

const longAgo = new Date(Date.now() - 40 * 3_600_000);

const cases: readonly Case[] = [
  {
    name: "a file that is gone",
    damage: async (files) => rm(await fileOf(files, 2)),
    findings: [/^The file of UID 2 in "INBOX" is gone; repair tells clients/],
    uids: [1, 3],
  },
  {
    name: "a file that nobody knows",
    damage: (files) => writeFile(join(files.annPath, "new", "1700000001.x.mutt"), message("new")),
    findings: [/^The index does not know the file 1700000001\.x\.mutt in "INBOX"/],
    uids: [1, 2, 3, 4],
  },
  {
    name: "a file under another name",
    damage: async (files) => {
      const path = await fileOf(files, 1);
      await rename(path, path.replace(/:2,.*$/, ":2,FS"));
    },
    findings: [/^The file of UID 1 in "INBOX" has another name/],
    isOther: true,
  },
  {
    name: "a file that has grown, so that its name is wrong",
    damage: async (files) => appendFile(await fileOf(files, 1), "more\r\n"),
    findings: [
      /^UID 1 in "INBOX" has 79 octets, and its file 85 with CRLF line ends/,
      /^The name of UID 1 in "INBOX" says S=79,W=79, and its file has 85 octets, 85 with CRLF; .* keeps its UID$/,
    ],
    isOther: true,
  },
  {
    name: "two files of one key",
    damage: async (files) => {
      const path = await fileOf(files, 1);
      await copyFile(path, path.replace(/:2,.*$/, ":2,F"));
    },
    findings: [/has the same key as .*; repair gives it a key of its own$/],
    uids: [1, 2, 3, 4],
    isOther: true,
  },
  {
    name: "one file under two names of one key",
    damage: async (files) => {
      const path = await fileOf(files, 1);
      await link(path, path.replace(/:2,.*$/, ":2,F"));
    },
    findings: [/has the same key as .*; repair removes it, since both are one file$/],
    isOther: true,
  },
  {
    name: "a row with other flags, keywords and date than the file",
    damage: sql("UPDATE messages SET flags = 1, keywordSet = 0, internalMs = 5 WHERE uid = 1"),
    findings: [
      /^UID 1 in ".*" has other system flags than its file name, other keywords .*, another date than its file; repair takes/,
    ],
  },
  {
    name: "a row without its file name, and a file name without its row",
    damage: sql("DELETE FROM files WHERE uid = 1; DELETE FROM messages WHERE uid = 2"),
    findings: [/no file name for UID 1 in "INBOX"/, /of UID 2 in "INBOX" without its flags/],
    uids: [3, 4, 5],
  },
  {
    name: "a structure whose octets have changed",
    damage: sql("UPDATE details SET emailId = x'00' WHERE id % 4294967296 = 2"),
    findings: [/^What the index has of the header and the parts of UID 2 in "INBOX" is damaged/],
  },
  {
    name: "counters that are not the sums",
    damage: sql("UPDATE mailboxes SET bytes = 7, messages = 99 WHERE folder = ''"),
    findings: [/^The counters of "INBOX" say 99 messages of 7 octets, and there are 3 of 237/],
  },
  {
    name: "UIDNEXT and HIGHESTMODSEQ below what is there",
    damage: sql("UPDATE mailboxes SET uidNext = 2, highestModSeq = 1 WHERE folder = ''"),
    findings: [/^UIDNEXT of "INBOX" is 2, and UID 3 is there/, /^HIGHESTMODSEQ of "INBOX" is 1/],
  },
  {
    name: "marks below what was given out",
    damage: (files) =>
      replace(join(files.annPath, "posthouse-mailbox"), /reserved \d+/g, "reserved 0"),
    findings: [/^The marks in ".*posthouse-mailbox" are below what was given out in "INBOX"/],
  },
  {
    name: "posthouse-mailbox that is missing",
    damage: (files) => rm(join(files.annPath, ".Work", "posthouse-mailbox")),
    findings: [/^".*\.Work\/posthouse-mailbox" is missing; repair writes it from the index$/],
  },
  {
    name: "posthouse-mailbox that cannot be read",
    damage: (files) => writeFile(join(files.annPath, "posthouse-mailbox"), "nothing"),
    findings: [/cannot be read; repair writes it from the index and keeps the old one beside it$/],
  },
  {
    name: "another id in the index than in posthouse-mailbox",
    damage: sql(
      "UPDATE mailboxes SET guid = 'ffffffffffffffffffffffffffffffff' WHERE folder = '.Work'",
    ),
    findings: [
      /^".*" names the id [0-9a-f]+, and the index knows "Work" as f+; repair takes that of the file$/,
      /dovecot-uidlist" names another mailbox's id/,
    ],
  },
  {
    name: "dovecot-uidlist that is missing",
    damage: (files) => rm(join(files.annPath, "dovecot-uidlist")),
    findings: [/dovecot-uidlist" is missing; repair writes it from the index$/],
  },
  {
    name: "dovecot-uidlist with another UID and a broken line",
    damage: (files) => replace(join(files.annPath, "dovecot-uidlist"), /^2 :(.*)$/m, "2 \n9 :$1"),
    findings: [
      /dovecot-uidlist" has \d lines that cannot be read/,
      /has under UID 9 the file .*, whose UID is 2|does not have the file .*, whose UID is 3/,
    ],
  },
  {
    name: "a letter that means another keyword",
    damage: (files) => rm(join(files.annPath, "dovecot-keywords")),
    findings: [/^The letter a in "INBOX" means nothing in dovecot-keywords and todo in the index/],
  },
  {
    name: "leftovers in tmp and in the account",
    damage: async (files) => {
      for (const path of ["tmp/old", ".Work/tmp/old", "posthouse-mailbox.tmp-1-2"]) {
        await writeFile(join(files.annPath, path), "x");
        await utimes(join(files.annPath, path), longAgo, longAgo);
      }
      await mkdir(join(files.annPath, "posthouse-making.0123456789abcdef"));
      await mkdir(join(files.annPath, "posthouse-deleted.0123456789abcdef"));
      await writeFile(join(files.annPath, "tmp", "young"), "somebody is writing it");
    },
    findings: [
      /posthouse-deleted\.0123456789abcdef" is what a crash left of something that was being deleted/,
      /posthouse-mailbox\.tmp-1-2" is what a crash left/,
      /posthouse-making\.0123456789abcdef" is what a crash left of something that was being written/,
      /ann-\d+\/tmp\/old" was never finished/,
      /\.Work\/tmp\/old" was never finished/,
    ],
  },
  {
    name: "a message that the world can read, and a folder that its owner cannot list",
    damage: async (files) => {
      await chmod(await fileOf(files, 2), 0o644);
      await chmod(join(files.annPath, ".Work", "tmp"), 0o2370);
    },
    findings: [/has the mode 644; repair gives it 640$/, /has the mode 370; repair gives it 770$/],
  },
  {
    name: "a counter of UIDVALIDITY that has fallen behind",
    damage: (files) => writeFile(join(files.annPath, "posthouse-uidvalidity"), "7\n"),
    findings: [/posthouse-uidvalidity" says 7, and a mailbox has UIDVALIDITY \d+ already/],
  },
  {
    name: "a folder that nobody knows",
    damage: async (files) => {
      for (const directory of ["new", "cur", "tmp"]) {
        await mkdir(join(files.annPath, ".Made", directory), { recursive: true, mode: 0o770 });
      }
    },
    findings: [/^The index does not know "Made"; repair takes it in$/],
  },
  {
    name: "annotations that were changed by hand",
    damage: (files) =>
      writeFile(
        join(files.annPath, "posthouse-annotations"),
        "posthouse-annotations 1\nannotation /shared/comment aGk=\n",
      ),
    findings: [/^The index does not have the annotations of/],
  },
  {
    name: "a directory that is missing",
    damage: (files) => rm(join(files.annPath, ".Work", "tmp"), { recursive: true }),
    findings: [/\.Work\/tmp" is missing in "Work"; repair makes it$/],
  },
  {
    name: "an index whose pages and their indexes disagree",
    damageClosed: true,
    damage: async (files) => {
      const path = join(files.annPath, "index.sqlite");
      const database = new Database(path);
      const page = database
        .prepare<[], number>("SELECT rootpage FROM sqlite_schema WHERE name = 'filesByUid'")
        .pluck()
        .get();
      database.close();
      const octets = await readFile(path);
      // The last octets of a page are those of its first row: here a UID.
      octets.fill(0x55, (page ?? 0) * 4096 - 3, (page ?? 0) * 4096);
      await writeFile(path, octets);
    },
    findings: [/The index (is|was) damaged/],
  },
];

async function replace(path: string, pattern: RegExp, by: string): Promise<void> {
  await writeFile(path, (await readFile(path, "utf8")).replace(pattern, by));
}

async function fill(files: Files): Promise<AccountMail> {
  const account = await files.account();
  for (const subject of ["1", "2", "3"]) {
    await account.deliver("INBOX", { octets: [message(subject)] }, subject);
  }
  await account.createMailbox("Work");
  await using inbox = await account.openMailbox("INBOX");
  await inbox.claimRecent();
  const change = { mode: "add", systemFlags: ["\\Seen"], keywords: ["todo"] } as const;
  await inbox.changeFlags([1] as Uid[], change);
  await snapshotOf(account, "Work");
  return account;
}

const oneAccount = accountsOf(() => TestStore.open());

void describe("check()", { concurrency: 2 }, () => {
  for (const { name, damage, damageClosed, findings, uids = [1, 2, 3], isOther } of cases) {
    test(`tells of ${name}, and puts it right`, async () => {
      await using alone = damageClosed === true ? await TestStore.open() : undefined;
      const files = alone ?? (await oneAccount());
      const filled = await fill(files);
      assert.deepEqual(await filled.check(), [], "all is well before");
      const before = await snapshotOf(filled, "INBOX");
      await alone?.close();
      await damage(files);
      const account = await files.account();
      const found = await account.check();
      for (const finding of findings) {
        assert.ok(
          found.some((one) => finding.test(one)),
          `${finding} in\n${found.join("\n")}`,
        );
      }
      const isIndexDamage = found.some((one) => one.includes("set aside and made anew from"));
      if (!isIndexDamage)
        assert.deepEqual((await account.check()).length, found.length, "nothing was changed");
      await account.check({ repair: true });
      assert.deepEqual(await account.check(), [], "all is well after");

      await using inbox = await account.openMailbox("INBOX");
      assert.deepEqual(uidsOf(inbox), uids);
      for (const uid of inbox.columns.uids) await octetsOf(inbox, uid);
      const after = await snapshotOf(account, "INBOX");
      const same = before.messages.filter(({ uid }) => uids.includes(uid));
      if (!isOther) assert.deepEqual(after.messages.slice(0, same.length), same);
      assert.equal(after.uidValidity, before.uidValidity);
      assert.ok((await account.status("INBOX")).uidNext > Math.max(...uids));
    });
  }

  test("leaves alone what is subscribed, also where it is another's or gone", async () => {
    await using files = await TestStore.open();
    const account = await fill(files);
    const path = join(files.annPath, "subscriptions");
    for (const name of ["Shared/bob@example.org/Work", "Restore/2026-01-31", "Gone"]) {
      await account.setSubscribed(name, true);
    }
    const before = await readFile(path);
    assert.deepEqual(await account.check(), []);
    assert.deepEqual(await account.check({ repair: true }), []);
    assert.deepEqual(await readFile(path), before);
  });

  test("finds nothing wrong with messages that are compressed", async () => {
    await using files = await TestStore.open();
    const account = await files.account({ ...ann, compression: "zstd" });
    const octets = [message("1", "the same again\r\n".repeat(500))];
    await account.append("Sent", [{ octets }, { octets }]);
    await using sent = await account.openMailbox("Sent");
    await sent.replace(1 as Uid, "Sent", { octets });
    assert.deepEqual(await account.check(), []);
    assert.deepEqual(await account.check({ repair: true }), []);
    assert.deepEqual(await octetsOf(sent, 2), octets[0]);
  });

  test("tells the first of many of one kind, and counts the others", async () => {
    await using files = await TestStore.open();
    const account = await fill(files);
    for (let n = 0; n < 30; n += 1) {
      await writeFile(join(files.annPath, "cur", `17000000${10 + n}.x:2,`), message(`${n}`));
    }
    const found = await account.check();
    assert.equal(found.length, 21);
    assert.equal(found.at(-1), "10 more files that the index does not know");
    assert.equal((await stat(join(files.annPath, "cur"))).isDirectory(), true);
  });
});
