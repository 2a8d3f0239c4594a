import assert from "node:assert/strict";
import {
  cp,
  mkdir,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  utimes,
  writeFile,
} from "node:fs/promises";
import { basename, join } from "node:path";
import { test } from "node:test";
import { adoptMail } from "../src/adopt/adopt-mail.ts";
import { type AccountMail, type MailboxFormat, StoreError, type Uid } from "../src/index.ts";
import { message, octetsOf, snapshotOf, TestStore, uidsOf } from "./store-for-tests.ts";

/** An account with something in every plain file, closed. */
async function filledStore(format: MailboxFormat = "maildir"): Promise<TestStore> {
  const files = await TestStore.open({}, format);
  const account = await files.account();
  const keywords = Array.from({ length: 28 }, (_, at) => `k${at}`);
  await account.deliver("INBOX", { octets: [message("one")] }, "one");
  await account.append("INBOX", [
    { octets: [message("two")], systemFlags: ["\\Seen"], keywords, internalDateMs: 1078056000000 },
    { octets: [message("three")] },
  ]);
  await account.createMailbox("Entwürfe", { specialUse: ["\\Flagged"] });
  await account.append("Entwürfe", [{ octets: [message("draft")] }]);
  const value = Buffer.from("x");
  await account.setAnnotations("INBOX", [{ entry: "/shared/comment", value }]);
  await account.setAnnotations(undefined, [{ entry: "/shared/admin", value }]);
  await account.setRights("INBOX", "bob", { mode: "replace", rights: "lr" });
  {
    await using inbox = await account.openMailbox("INBOX");
    await inbox.expunge([3 as Uid]);
  }
  await files.close();
  return files;
}

/** All that clients know of INBOX and the names, but for what a rebuilt index may count further. */
async function knownOf(account: AccountMail) {
  const entries = ["/shared/comment", "/shared/admin"];
  return {
    inbox: await snapshotOf(account, "INBOX"),
    names: await account.listMailboxes(),
    annotations: await account.annotations("INBOX", { entries }),
    accountAnnotations: await account.annotations(undefined, { entries }),
    rights: await account.rights("INBOX"),
  };
}

type Known = Awaited<ReturnType<typeof knownOf>>;

async function knownAfterOpening(files: TestStore): Promise<Known> {
  const known = await knownOf(await files.account());
  await files.close();
  return known;
}

for (const name of [
  "dovecot-uidlist",
  "dovecot-keywords",
  "posthouse-mailbox",
  "posthouse-uidvalidity",
  "posthouse-changed",
  "posthouse-account",
  "tmp",
]) {
  test(`without ${name} nothing is missing, and it is there again`, async () => {
    await using files = await filledStore();
    const before = await knownAfterOpening(files);
    const path = join(files.annPath, name);
    await rm(path, { recursive: true });
    assert.deepEqual(await knownAfterOpening(files), before);
    const account = await files.account();
    // Some come with the next change.
    await account.createMailbox("New");
    assert.ok(await stat(path));
    assert.deepEqual(await account.check(), []);
    await files.close();
    await files.removeIndex();
    assert.deepEqual((await knownAfterOpening(files)).inbox, before.inbox);
  });
}

for (const format of ["maildir", "mbox"] as const) {
  test(`without posthouse-mailbox and index, modseqs of a ${format} go on above all that were given out`, async () => {
    await using files = await filledStore(format);
    const first = await files.account();
    const before = await first.status("INBOX");
    const { messages } = await snapshotOf(first, "INBOX");
    await files.close();
    await rm(join(files.annPath, "posthouse-mailbox"));
    await files.removeIndex();
    const account = await files.account();
    const again = await snapshotOf(account, "INBOX");
    const after = await account.status("INBOX");
    assert.equal(after.uidValidity, before.uidValidity);
    assert.ok(after.highestModSeq > before.highestModSeq);
    assert.ok(after.uidNext >= before.uidNext);
    assert.deepEqual(
      again.messages.map(({ uid, internalDateMs }) => ({ uid, internalDateMs })),
      messages.map(({ uid, internalDateMs }) => ({ uid, internalDateMs })),
    );
    // dovecot-uidlist has it too.
    assert.equal(after.mailboxId === before.mailboxId, format === "maildir");
  });
}

test("without dovecot-uidlist and index, UIDVALIDITY grows", async () => {
  await using files = await filledStore();
  const before = await knownAfterOpening(files);
  await rm(join(files.annPath, "dovecot-uidlist"));
  await files.removeIndex();
  const after = await knownAfterOpening(files);
  assert.ok(after.inbox.uidValidity > before.inbox.uidValidity);
  assert.equal(after.inbox.mailboxId, before.inbox.mailboxId);
  assert.equal(after.inbox.messages.length, before.inbox.messages.length);
});

test("a posthouse-mailbox that is another mailbox's is not taken for this one's", async () => {
  await using files = await filledStore();
  const before = await knownAfterOpening(files);
  const path = join(files.annPath, "posthouse-mailbox");
  await cp(join(files.annPath, ".Sent", "posthouse-mailbox"), path);
  assert.deepEqual(await knownAfterOpening(files), before);
  assert.match(await readFile(path, "utf8"), new RegExp(`^id ${before.inbox.mailboxId}$`, "m"));
});

test("a folder that was copied is a mailbox with a UIDVALIDITY of its own and the same UIDs", async () => {
  await using files = await filledStore();
  await cp(join(files.annPath, ".Entw&APw-rfe"), join(files.annPath, ".Copy"), {
    recursive: true,
    preserveTimestamps: true,
  });
  const account = await files.account();
  const original = await snapshotOf(account, "Entwürfe");
  const copy = await snapshotOf(account, "Copy");
  assert.deepEqual(copy.messages, original.messages);
  assert.notEqual(copy.uidValidity, original.uidValidity);
  assert.notEqual(copy.mailboxId, original.mailboxId);
  await files.close();
  await files.removeIndex();
  assert.deepEqual(await snapshotOf(await files.account(), "Copy"), copy);
});

test("a folder that was renamed by hand is the same mailbox", async () => {
  await using files = await filledStore();
  const before = await snapshotOf(await files.account(), "Entwürfe");
  await files.close();
  await rename(join(files.annPath, ".Entw&APw-rfe"), join(files.annPath, ".Other"));
  assert.deepEqual(await snapshotOf(await files.account(), "Other"), before);
});

test("an older tree over a newer index gives no UID twice", async () => {
  await using files = await filledStore();
  const backup = join(files.mailDirectory, "backup");
  await cp(files.annPath, backup, {
    recursive: true,
    preserveTimestamps: true,
    filter: (path) => !path.includes("index.sqlite"),
  });
  const account = await files.account();
  const { uids } = await account.append("INBOX", [{ octets: [message("four")] }]);
  {
    await using inbox = await account.openMailbox("INBOX");
    await inbox.expunge([1 as Uid]);
  }
  await files.close();
  for (const name of await readdir(files.annPath)) {
    if (!name.startsWith("index.sqlite")) {
      await rm(join(files.annPath, name), { recursive: true });
    }
  }
  await cp(backup, files.annPath, { recursive: true, preserveTimestamps: true });
  const again = await files.account();
  const subjects = async (): Promise<string[]> => {
    await using inbox = await again.openMailbox("INBOX");
    const all = uidsOf(inbox).map(async (uid) => {
      const octets = (await octetsOf(inbox, uid)).toString();
      return `${uid} ${/^Subject: (.*)\r$/m.exec(octets)?.[1]}`;
    });
    return Promise.all(all);
  };
  const last = Number(uids[0]);
  assert.deepEqual(await subjects(), ["2 two", `${last + 1} one`]);
  const next = await again.append("INBOX", [{ octets: [message("five")] }]);
  assert.deepEqual(await subjects(), ["2 two", `${last + 1} one`, `${last + 2} five`]);
  assert.equal(next.uids[0], last + 2);
});

test("a tree that is another account's is refused, and taken without its posthouse-account", async () => {
  await using files = await filledStore();
  const bob = { id: "account-bob", address: "bob@example.org" };
  const bobPath = join(files.mailDirectory, "example.org", "bob");
  await cp(files.annPath, bobPath, { recursive: true, preserveTimestamps: true });
  const before = await knownAfterOpening(files);
  await assert.rejects(
    files.account(bob),
    (error) => error instanceof StoreError && error.code === "unavailable",
  );
  await rm(join(bobPath, "posthouse-account"));
  assert.deepEqual(await knownOf(await files.account(bob)), before);
});

test("an account that was never finished is swept after 36 hours with the domain's next", async () => {
  await using files = await filledStore();
  const domain = join(files.mailDirectory, "example.org");
  const [old, young] = ["0123456789abcdef", "fedcba9876543210"].map((id) =>
    join(domain, `.posthouse-making.${id}`),
  ) as [string, string];
  for (const path of [old, young]) await mkdir(join(path, "cur"), { recursive: true });
  await utimes(old, 1_700_000_000, 1_700_000_000);
  await files.account({ id: "account-bob", address: "bob@example.org" });
  const left = (await readdir(domain)).filter((name) => name.startsWith("."));
  assert.deepEqual(left, [basename(young)]);
});

test("taking a tree over touches no account that is called like a leftover of it", async () => {
  await using files = await TestStore.open();
  const odd = { id: "account-odd", address: "posthouse-replaced.bob@example.org" };
  const account = await files.account(odd);
  await account.append("INBOX", [{ octets: [message("kept")] }]);
  const source = join(files.mailDirectory, "..", `${basename(files.mailDirectory)}-source`);
  for (const name of ["new", "cur", "tmp"]) await mkdir(join(source, name), { recursive: true });
  await writeFile(join(source, "cur", "1700000001.a.host:2,S"), message("taken"));
  await adoptMail({
    mailDirectory: files.mailDirectory,
    account: { id: "account-bob", address: "bob@example.org" },
    source,
    mode: "copy",
  });
  await rm(source, { recursive: true });
  assert.equal((await snapshotOf(account, "INBOX")).messages.length, 1);
  assert.equal((await account.quota()).messages, 1);
  assert.ok(await stat(join(files.mailDirectory, "example.org", "posthouse-replaced.bob", "cur")));
});

test("a name that no plain file can hold is passed over, and repaired by the check", async () => {
  await using files = await filledStore();
  const cur = Buffer.from(join(files.annPath, "cur/"));
  const names = [Buffer.from("1700000001.a\nb.host:2,S"), Buffer.from([0x31, 0xe9, 0x3a])];
  for (const name of names) await writeFile(Buffer.concat([cur, name]), message("odd"));
  const account = await files.account();
  assert.equal((await snapshotOf(account, "INBOX")).messages.length, 2);
  const uidNext = (await account.status("INBOX")).uidNext;
  const findings = await account.check();
  assert.equal(findings.filter((one) => one.includes("is not UTF-8")).length, 2);
  await account.check({ repair: true });
  const { messages } = await snapshotOf(account, "INBOX");
  assert.deepEqual(
    messages.map(({ uid }) => uid),
    [1, 2, uidNext, uidNext + 1],
  );
  assert.deepEqual(
    new Set(messages.slice(2).map(({ systemFlags }) => systemFlags)),
    new Set([0, 8]),
  );
  assert.deepEqual(await account.check(), []);
});

test("keywords without letters of a file whose name has spaces survive the index", async () => {
  await using files = await filledStore();
  await writeFile(join(files.annPath, "cur", "1700000001.a b %41.host:2,"), message("odd"));
  const account = await files.account();
  {
    await using inbox = await account.openMailbox("INBOX");
    await inbox.changeFlags([4 as Uid], { mode: "add", systemFlags: [], keywords: ["k27"] });
  }
  const before = await snapshotOf(account, "INBOX");
  assert.deepEqual(before.messages.at(-1)?.keywords, ["k27"]);
  await files.close();
  await files.removeIndex();
  assert.deepEqual(await snapshotOf(await files.account(), "INBOX"), before);
});

test("a repair leaves subscriptions as they are, and reads them as the account writes names", async () => {
  await using files = await filledStore();
  const names = "posthouse-names 1\nseparator .\nencoding utf-8\nescape none\n";
  await writeFile(join(files.annPath, "posthouse-names"), names);
  await rename(join(files.annPath, ".Entw&APw-rfe"), join(files.annPath, ".Entwürfe"));
  const subscribed = "V\t2\n\nEntwürfe\nGone\n";
  await writeFile(join(files.annPath, "subscriptions"), subscribed);
  const account = await files.account();
  await account.check({ repair: true });
  assert.equal(await readFile(join(files.annPath, "subscriptions"), "utf8"), subscribed);
  const known = (await account.listMailboxes()).filter(({ isSubscribed }) => isSubscribed);
  assert.deepEqual(
    known.map(({ name, exists }) => [name, exists]),
    [
      ["Entwürfe", true],
      ["Gone", false],
    ],
  );
  assert.deepEqual(await account.check(), []);
});
