import assert from "node:assert/strict";
import { once } from "node:events";
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { type AccountMail, type Mailbox, openMailStore, type Uid } from "@posthouse/mailbox-store";
import { configFromToml } from "@posthouse/service";
import { createBackup } from "../src/backup/create-backup.ts";
import { forgetBackups } from "../src/backup/forget-backups.ts";
import {
  findSnapshot,
  lockRepository,
  openRepository,
  readList,
  snapshotsOf,
} from "../src/backup/repository.ts";
import { hasMailOf, restoreAccount } from "../src/backup/restore-account.ts";
import { restoreEverything } from "../src/backup/restore-everything.ts";
import { verifyBackup } from "../src/backup/verify-backup.ts";

const ann = {
  id: "a1",
  address: "ann@example.test",
  hasPassword: true,
  appPasswordsOnly: false,
} as never as Parameters<typeof restoreAccount>[0]["into"];

async function place(t: TestContext) {
  const base = await mkdtemp(join(tmpdir(), "posthouse-backup-"));
  t.after(() => rm(base, { recursive: true, force: true }));
  const configFile = join(base, "posthouse.toml");
  await writeFile(configFile, 'hostname = "mail.example.test"\ndata_dir = "data"\n');
  const config = configFromToml(await readFile(configFile, "utf8"), configFile);
  for (const path of [
    config.paths.mail,
    config.paths.tmp,
    join(config.paths.state, "smtp-out/dkim"),
  ]) {
    await mkdir(path, { recursive: true });
  }
  await writeFile(join(config.paths.state, "smtp-out/dkim/s.pem"), "key");
  await chmod(join(config.paths.state, "smtp-out/dkim/s.pem"), 0o600);
  const options = { config, configFile, directory: join(base, "backups"), version: "0.1.0" };
  return { base, config, options };
}

const storeIn = (mailDirectory: string) =>
  openMailStore({ mailDirectory, messageBytesMax: 1e6, host: "mail.example.test" });

const message = (n: number) =>
  Buffer.from(`Subject: ${n}\r\nMessage-ID: <${n}@example.test>\r\n\r\n${n}\r\n`);

const append = (mail: AccountMail, mailbox: string, ...numbers: number[]) =>
  mail.append(
    mailbox,
    numbers.map((n) => ({
      octets: [message(n)],
      systemFlags: ["\\Seen" as const],
      keywords: ["$Forwarded"],
      internalDateMs: 1_700_000_000_000 + n * 1000,
    })),
  );

async function textsIn(mail: AccountMail, name: string): Promise<string[]> {
  await using mailbox = await mail.openMailbox(name, { readOnly: true });
  await mailbox.sync(mailbox.columns);
  const texts: string[] = [];
  for (const uid of uidsOf(mailbox)) {
    await using stored = await mailbox.openMessage(uid);
    let text = "";
    for await (const piece of stored.read()) text += Buffer.from(piece).toString();
    texts.push(text);
  }
  return texts;
}

const uidsOf = ({ columns }: Mailbox): Uid[] => Array.from(columns.uids) as Uid[];
const textOf = (...numbers: number[]) => numbers.map((n) => String(message(n)));

test("a backup is incremental, reads itself back, and gives everything to an empty place", async (t) => {
  const { base, config, options } = await place(t);
  let uidNext: number;
  {
    await using store = await storeIn(config.paths.mail);
    await using mail = await store.openAccount(ann);
    await append(mail, "INBOX", 1, 2, 3);
    await mail.createMailbox("Empty");
    const first = createBackup(options);
    assert.ok(first.newFiles > 3);
    const nothing = createBackup(options);
    assert.equal(nothing.newFiles, 0);
    assert.equal(nothing.snapshot.files, first.snapshot.files);
    {
      await using inbox = await mail.openMailbox("INBOX");
      await inbox.sync(inbox.columns);
      await inbox.changeFlags(uidsOf(inbox).slice(0, 1), {
        mode: "add",
        systemFlags: ["\\Flagged"],
        keywords: [],
      });
    }
    assert.equal(
      createBackup(options).newFiles,
      0,
      "a message with other flags is the same message",
    );
    await append(mail, "INBOX", 4);
    const more = createBackup(options);
    assert.ok(more.newFiles > 0 && more.newFiles < 5, String(more.newFiles));
    // Clients see what came after the backup, and it is lost with the disk.
    await append(mail, "INBOX", 5);
    await using inbox = await mail.openMailbox("INBOX");
    await inbox.sync(inbox.columns);
    uidNext = inbox.uidNext;
  }
  const repository = openRepository(options.directory);
  assert.equal(snapshotsOf(repository).length, 4);
  assert.deepEqual(verifyBackup(repository, snapshotsOf(repository)).problems, []);

  const elsewhere = configFromToml(
    'hostname = "mail.example.test"\ndata_dir = "new"\n',
    join(base, "x.toml"),
  );
  const snapshot = findSnapshot(repository);
  await restoreEverything({ repository, snapshot, config: elsewhere });
  assert.equal(await readFile(join(elsewhere.paths.state, "smtp-out/dkim/s.pem"), "utf8"), "key");
  await using store = await storeIn(elsewhere.paths.mail);
  await using mail = await store.openAccount(ann);
  assert.deepEqual(await textsIn(mail, "INBOX"), textOf(1, 2, 3, 4));
  assert.ok((await mail.listMailboxes()).some(({ name, exists }) => name === "Empty" && exists));
  await using inbox = await mail.openMailbox("INBOX");
  await inbox.sync(inbox.columns);
  const { columns } = inbox;
  assert.deepEqual([...columns.systemFlags], [8 | 2, 8, 8, 8]);
  assert.deepEqual(columns.keywordSets[columns.keywordSet[1] ?? 0], ["$Forwarded"]);
  assert.equal(columns.internalDatesMs[3], 1_700_000_004_000);
  assert.deepEqual(uidsOf(inbox), [1, 2, 3, 4]);
  assert.ok(inbox.uidNext >= uidNext, "no UID that a client has seen comes again");
  await assert.rejects(
    restoreEverything({ repository, snapshot, config: elsewhere }),
    /is there: everything is restored into an empty data directory only/,
  );
});

test("what moves and comes while a backup is taken is in it once and whole", async (t) => {
  const { config, options } = await place(t);
  await using store = await storeIn(config.paths.mail);
  await using mail = await store.openAccount(ann);
  await append(mail, "INBOX", 1, 2);
  const path = join(config.paths.mail, "example.test/ann");
  const { renameSync, readdirSync } = await import("node:fs");
  let looks = 0;
  createBackup({
    ...options,
    betweenLooks() {
      looks += 1;
      if (looks > 1) return;
      // As a move to a mailbox that was looked at before, and a flag.
      const [moved = "", flagged = ""] = readdirSync(join(path, "cur")).sort();
      renameSync(join(path, "cur", moved), join(path, ".Archive/cur", moved));
      renameSync(join(path, "cur", flagged), join(path, "cur", `${flagged}F`));
    },
  });
  assert.equal(looks, 2);
  const repository = openRepository(options.directory);
  const listed = readList(repository, findSnapshot(repository), "mail/example.test/ann.jsonl");
  const messages = listed
    .filter(({ path: one }) => /cur\/./.test(one))
    .map(({ path: one }) => one.replace(/cur\/.*(:2,.*)$/, "$1"));
  assert.deepEqual(messages.toSorted(), [".Archive/:2,Sa", ":2,SaF"]);
});

test("one mailbox or one message comes back into an account in use, and what is there is left alone", async (t) => {
  const { config, options } = await place(t);
  {
    await using store = await storeIn(config.paths.mail);
    await using mail = await store.openAccount(ann);
    await append(mail, "INBOX", 1, 2);
    await mail.createMailbox("Projects/Old");
    await append(mail, "Projects/Old", 7, 8);
    createBackup(options);
    await mail.deleteMailbox("Projects/Old");
    await using inbox = await mail.openMailbox("INBOX");
    await inbox.sync(inbox.columns);
    await inbox.expunge(uidsOf(inbox).slice(1));
    await append(mail, "INBOX", 3);
  }
  const repository = openRepository(options.directory);
  const snapshot = findSnapshot(repository);
  const restore = (copy: Parameters<typeof restoreAccount>[0]["copy"]) =>
    restoreAccount({ repository, snapshot, config, address: ann.address, into: ann, copy });
  assert.deepEqual(await restore({ isDry: true, mailbox: "Projects/Old" }), [
    { mailbox: "Projects/Old", copied: 2, there: 0 },
  ]);
  assert.deepEqual(await restore({ messageId: "<8@example.test>" }), [
    { mailbox: "Projects/Old", copied: 1, there: 0 },
  ]);
  assert.deepEqual(await restore({}), [
    { mailbox: "INBOX", copied: 1, there: 1 },
    { mailbox: "Projects/Old", copied: 1, there: 1 },
  ]);
  await restore({ nameIn: (name) => `Restored/${name}`, mailbox: "inbox" });
  await assert.rejects(
    restore({ mailbox: "Nope" }),
    /no mailbox "Nope"; there are INBOX, .*Projects/,
  );
  const renamed = { ...ann, address: "anne@example.test" };
  await assert.rejects(
    restoreAccount({
      repository,
      snapshot,
      config,
      address: renamed.address,
      into: renamed,
      copy: {},
    }),
    /has no mail of anne@.* had another address then, name that one, and --to anne@example\.test$/,
  );
  assert.equal(hasMailOf(snapshot, ann.address), true);
  await writeFile(join(options.directory, "file"), "");
  assert.throws(
    () => openRepository(join(options.directory, "file")),
    /is a file: name the direct/,
  );
  assert.deepEqual(await readdir(config.paths.tmp), []);
  await using store = await storeIn(config.paths.mail);
  await using mail = await store.openAccount(ann);
  assert.deepEqual(await textsIn(mail, "INBOX"), textOf(1, 3, 2));
  assert.deepEqual(await textsIn(mail, "Projects/Old"), textOf(8, 7));
  assert.deepEqual(await textsIn(mail, "Restored/INBOX"), textOf(1, 2));
});

test("damage is found, and never restored", async (t) => {
  const { config, options, base } = await place(t);
  {
    await using store = await storeIn(config.paths.mail);
    await using mail = await store.openAccount(ann);
    await append(mail, "INBOX", 1);
  }
  createBackup(options);
  const repository = openRepository(options.directory);
  const snapshot = findSnapshot(repository);
  const list = readList(repository, snapshot, "mail/example.test/ann.jsonl");
  const file = list.find((one) => one.kind === "f" && one.path.startsWith("cur/"));
  assert.ok(file?.kind === "f");
  const object = join(options.directory, "objects", file.hash.slice(0, 2), file.hash);
  const octets = await readFile(object);
  await writeFile(object, octets.toReversed());
  assert.match(
    verifyBackup(repository, [snapshot]).problems.join(),
    /ann\/cur\/.* is damaged or missing/,
  );
  const elsewhere = configFromToml('data_dir = "new"\n', join(base, "x.toml"));
  await assert.rejects(
    restoreEverything({ repository, snapshot, config: elsewhere }),
    /is damaged: restore from another backup/,
  );
  // Once more, and it is whole again; what was begun goes on.
  await rm(join(options.directory, "snapshots", snapshot.name), { recursive: true });
  createBackup(options);
  await restoreEverything({ repository, snapshot: findSnapshot(repository), config: elsewhere });
  await writeFile(
    join(options.directory, "snapshots", findSnapshot(repository).name, "host.jsonl"),
    "",
  );
  assert.throws(() => readList(repository, findSnapshot(repository), "host.jsonl"), /is damaged/);
});

test("nothing is restored over a Posthouse that runs", async (t) => {
  const { config, options } = await place(t);
  createBackup(options);
  const repository = openRepository(options.directory);
  await mkdir(config.runDir, { recursive: true });
  const server = createServer((socket) => socket.end());
  server.listen(join(config.runDir, "auth.status.sock"));
  await once(server, "listening");
  t.after(() => server.close());
  await assert.rejects(
    restoreEverything({ repository, snapshot: findSnapshot(repository), config }),
    /Posthouse is running on .*: stop it first/,
  );
});

test("old backups go with what no other needs, and one process writes at a time", async (t) => {
  const { config, options } = await place(t);
  await using store = await storeIn(config.paths.mail);
  await using mail = await store.openAccount(ann);
  await append(mail, "INBOX", 1, 2);
  createBackup(options);
  {
    await using inbox = await mail.openMailbox("INBOX");
    await inbox.sync(inbox.columns);
    await inbox.expunge(uidsOf(inbox).slice(0, 1));
  }
  createBackup(options);
  const repository = openRepository(options.directory);
  const removed = forgetBackups(repository, 1);
  assert.equal(removed.snapshots, 1);
  assert.ok(removed.objects >= 1);
  assert.deepEqual(verifyBackup(repository, snapshotsOf(repository)).problems, []);
  {
    using _lock = lockRepository(repository);
    assert.throws(() => lockRepository(repository), /Another backup is being written/);
  }
  // Of a process that is gone.
  await writeFile(join(options.directory, "lock"), "999999999");
  lockRepository(repository)[Symbol.dispose]();
  await mkdir(join(options.directory, "snapshots/2026-01-01T00-00-00Z"));
  createBackup(options);
  assert.ok(
    !(await readdir(join(options.directory, "snapshots"))).includes("2026-01-01T00-00-00Z"),
  );
  await writeFile(join(options.directory, "posthouse-backup"), "posthouse-backup 2\n");
  assert.throws(
    () => openRepository(options.directory),
    /of a later version \(posthouse-backup 2\)/,
  );
  assert.throws(
    () => openRepository(config.dataDir, { make: true }),
    /is not empty and holds no backups/,
  );
});
