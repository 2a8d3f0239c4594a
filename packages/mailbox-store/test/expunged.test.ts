import assert from "node:assert/strict";
import { mkdir, readdir, rename } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { accountFiles } from "../src/backup/account-files.ts";
import { type OwnAccountMail, type StoreError, systemFlagBits, type Uid } from "../src/index.ts";
import { limits } from "../src/limits.ts";
import { type ChildOrder, startChild } from "./child-store.ts";
import { ann, message, octetsOf, snapshotOf, TestStore } from "./store-for-tests.ts";

const account = async (files: TestStore): Promise<OwnAccountMail> => {
  await files.account();
  return (await files.store).openAccount(ann);
};

const expunge = async (mail: OwnAccountMail, name: string, uids: readonly number[]) => {
  await using mailbox = await mail.openMailbox(name);
  await mailbox.expunge(uids as Uid[]);
};

const textOf = async (mail: OwnAccountMail, id: string) => {
  await using stored = await mail.openExpunged(id);
  return Buffer.concat(await Array.fromAsync(stored.read())).toString();
};

test("what was expunged is listed, read, and comes back with flags, keywords and dates under a new UID", async () => {
  await using files = await TestStore.open({ expungedDays: 7, compression: "zstd" });
  const mail = await account(files);
  const body = "again and again\r\n".repeat(500);
  await mail.append("INBOX", [
    {
      octets: [message("1", body)],
      systemFlags: ["\\Seen", "\\Flagged", "\\Deleted"],
      keywords: ["work"],
      internalDateMs: 1_000_000_000_000,
    },
    { octets: [message("2")] },
  ]);
  const before = await mail.quota();
  await expunge(mail, "INBOX", [1]);
  assert.ok((await mail.quota()).messages < before.messages);
  const [found, ...others] = await mail.listExpunged();
  assert.deepEqual(others, []);
  assert.deepEqual(found, {
    kind: "message",
    id: found?.id,
    mailbox: "INBOX",
    day: new Date().toISOString().slice(0, 10),
    internalDateMs: 1_000_000_000_000,
  });
  const id = found?.id ?? "";
  assert.equal(await textOf(mail, id), message("1", body).toString());
  assert.equal(await mail.restoreExpunged([id], "INBOX"), 1);
  assert.deepEqual(await mail.check(), [], "the index knows it before anybody looks");
  assert.equal(await mail.restoreExpunged([id], "INBOX"), 0);
  await assert.rejects(mail.openExpunged(id), (error: StoreError) => error.code === "gone");
  await using inbox = await mail.openMailbox("INBOX");
  assert.deepEqual([...inbox.columns.uids], [2, 3]);
  assert.equal((await octetsOf(inbox, 3)).toString(), message("1", body).toString());
  const [, back] = (await snapshotOf(mail, "INBOX")).messages;
  assert.deepEqual(back?.keywords, ["work"]);
  assert.equal(back?.systemFlags, systemFlagBits["\\Seen"] | systemFlagBits["\\Flagged"]);
  assert.equal(back?.internalDateMs, 1_000_000_000_000);
  assert.deepEqual(await mail.check(), []);
});

test("a deleted mailbox comes back as it was, in either format, and beside one of its name", async () => {
  for (const format of ["maildir", "mbox"] as const) {
    await using files = await TestStore.open({ expungedDays: 7 }, format);
    const mail = await account(files);
    await mail.createMailbox("Work/Q1");
    const octets = [message("1")];
    await mail.append("Work/Q1", [{ octets, keywords: ["todo"] }, { octets }]);
    await mail.setRights("Work/Q1", "bob@example.org", { mode: "replace", rights: "lrs" });
    const before = await snapshotOf(mail, "Work/Q1");
    await mail.deleteMailbox("Work/Q1");
    const [found] = await mail.listExpunged();
    assert.equal(found?.kind, "mailbox");
    assert.equal(found?.mailbox, "Work/Q1");
    await mail.createMailbox("Work/Q1");
    await assert.rejects(
      mail.restoreMailbox(found?.id ?? "", "Work/Q1"),
      (error: StoreError) => error.code === "exists",
    );
    await mail.restoreMailbox(found?.id ?? "", "Found/Q1");
    assert.deepEqual(await mail.check(), [], format);
    assert.deepEqual(await snapshotOf(mail, "Found/Q1"), before, format);
    const rights = await mail.rights("Found/Q1");
    assert.deepEqual(rights, [{ identifier: "bob@example.org", rights: "lrs" }]);
    // What is empty is not worth keeping.
    await mail.deleteMailbox("Work/Q1");
    assert.deepEqual(await mail.listExpunged(), []);
    assert.deepEqual(await mail.check(), []);
  }
});

test("nothing is put aside of Junk and Drafts, beyond the room, or when it is off; and days end", async () => {
  await using files = await TestStore.open({ expungedDays: 7 });
  const mail = await account(files);
  const octets = [message("1")];
  for (const name of ["Junk", "Drafts"]) {
    await mail.append(name, [{ octets }]);
    await expunge(mail, name, [1]);
  }
  assert.deepEqual(await mail.listExpunged(), []);
  await mail.append("INBOX", [{ octets }, { octets }]);
  await expunge(mail, "INBOX", [1, 2]);
  assert.equal((await mail.listExpunged()).length, 2);
  assert.ok(!accountFiles(files.annPath).directories.includes("posthouse-expunged"));
  // As if it were eight days ago.
  const root = join(files.annPath, "posthouse-expunged");
  const [today = ""] = await readdir(root);
  const old = new Date(Date.now() - 8 * 24 * 3_600_000).toISOString().slice(0, 10);
  await rename(join(root, today), join(root, old));
  await mkdir(join(root, "mine"));
  await files.close();
  assert.deepEqual(await (await account(files)).listExpunged(), []);
  assert.deepEqual(await readdir(root), ["mine"]);
  await files.close();
  const off = new TestStore(files.mailDirectory, { expungedDays: 0 }, "maildir");
  const same = await account(off);
  await same.append("INBOX", [{ octets }]);
  await expunge(same, "INBOX", [3]);
  assert.ok(!(await readdir(files.annPath)).includes("posthouse-expunged"));
  await off.close();
  assert.ok(limits.expungedMessagesMax >= 100_000);
});

test("an id that is none of ours opens and moves nothing", async () => {
  await using files = await TestStore.open({ expungedDays: 7 });
  const mail = await account(files);
  const ids = [
    "../cur/x",
    "2026-01-01/INBOX/../../cur/x",
    "2026-01-01/../x",
    "2026-01-01/INBOX/.hidden",
    "/etc/passwd",
    "",
    "2026-01-01/..x/y",
  ];
  for (const id of ids) {
    await assert.rejects(mail.openExpunged(id), (error: StoreError) => error.code === "gone");
    await assert.rejects(
      mail.restoreMailbox(id, "X"),
      (error: StoreError) => error.code === "gone",
    );
  }
  assert.equal(await mail.restoreExpunged(ids, "INBOX"), 0);
});

/** Each message is in a mailbox or put aside, whole and once, wherever the process is killed. */
const kills: readonly {
  readonly row: string;
  readonly order: ChildOrder;
  /** In the long run only. */
  readonly isLike?: true;
}[] = [
  { row: "X2", order: { do: "expunge", uids: [1, 2] } },
  { row: "commit expunge", order: { do: "expunge", uids: [1, 2] }, isLike: true },
  { row: "Z2", order: { do: "delete", name: "Archive" } },
  { row: "Z3", order: { do: "delete", name: "Archive" }, isLike: true },
  { row: "E1", order: { do: "undelete" }, isLike: true },
  { row: "E2", order: { do: "undelete" } },
  { row: "commit restoreExpunged", order: { do: "undelete" }, isLike: true },
  { row: "W1", order: { do: "undelete" }, isLike: true },
  { row: "W2", order: { do: "undelete" } },
];
const isEveryRowTried = process.env.POSTHOUSE_EVERY_ROW === "1";

void describe("a process that is killed while it puts aside or brings back", {
  concurrency: 3,
}, () => {
  for (const { row, order } of kills.filter((one) => isEveryRowTried || one.isLike !== true)) {
    test(`${order.do} killed at ${row} loses nothing`, async () => {
      await using files = await TestStore.open({ expungedDays: 7 });
      const mail = await account(files);
      await mail.append(
        "INBOX",
        ["1", "2", "3"].map((one) => ({ octets: [message(one)] })),
      );
      await mail.append("Archive", [{ octets: [message("4")] }]);
      if (order.do === "undelete") {
        await expunge(mail, "INBOX", [1, 2]);
        await mail.deleteMailbox("Archive");
      }
      await files.close();
      const child = await startChild(files.mailDirectory, row, 7);
      await child.ask(order);
      await child[Symbol.asyncDispose]();
      assert.equal(child.signal, "SIGKILL", "the process came to this row");
      for (const isIndexLost of [false, true]) {
        if (isIndexLost) await files.removeIndex();
        assert.deepEqual(await subjectsOf(await account(files)), ["1", "2", "3", "4"]);
        await files.close();
      }
      const back = await account(files);
      for (const { kind, id, mailbox } of await back.listExpunged()) {
        if (kind === "mailbox") await back.restoreMailbox(id, mailbox);
        else await back.restoreExpunged([id], "INBOX");
      }
      assert.deepEqual(await back.listExpunged(), []);
      assert.deepEqual(await subjectsOf(back), ["1", "2", "3", "4"]);
    });
  }
});

async function subjectsOf(mail: OwnAccountMail): Promise<string[]> {
  const texts: string[] = [];
  for (const { name, exists } of await mail.listMailboxes()) {
    if (!exists) continue;
    await using mailbox = await mail.openMailbox(name);
    for (const uid of mailbox.columns.uids) texts.push((await octetsOf(mailbox, uid)).toString());
  }
  for (const one of await mail.listExpunged()) {
    if (one.kind === "message") texts.push(await textOf(mail, one.id));
    // The one of Archive.
    else if (one.messages === 1) texts.push(message("4").toString());
  }
  return texts.map((text) => /^Subject: (.*)\r$/m.exec(text)?.[1] ?? "").sort();
}

test("what was expunged is shown as a mailbox a day, whose UIDs stay, and goes with its day", async () => {
  await using files = await TestStore.open({ expungedDays: 7, compression: "zstd" });
  const mail = await account(files);
  const body = "again and again\r\n".repeat(500);
  const uidsOf = async () => {
    await using shown = await (await files.store).openExpungedMail(ann);
    const day = (await shown.listMailboxes()).find(({ name }) => name !== "INBOX")?.name ?? "";
    await using mailbox = await shown.openMailbox(day, { readOnly: true });
    const texts = [];
    for (const uid of mailbox.columns.uids) {
      texts.push([uid, (await octetsOf(mailbox, uid)).toString().length]);
    }
    return { day, texts, uidValidity: mailbox.uidValidity };
  };
  await mail.append("INBOX", [
    { octets: [message("1", body)], systemFlags: ["\\Deleted"] },
    { octets: [message("2")] },
  ]);
  await expunge(mail, "INBOX", [1]);
  const first = await uidsOf();
  assert.match(first.day, /^\d{4}-\d\d-\d\d$/);
  assert.deepEqual(first.texts, [[1, message("1", body).length]]);
  await expunge(mail, "INBOX", [2]);
  const [one] = (await mail.listExpunged()).filter(({ id }) => id.includes("/INBOX/"));
  const second = await uidsOf();
  assert.deepEqual(
    second.texts.map(([uid]) => uid),
    [1, 2],
  );
  assert.equal(second.uidValidity, first.uidValidity);
  // What was brought back is no longer there.
  await mail.restoreExpunged([one?.id ?? ""], "INBOX");
  assert.equal((await uidsOf()).texts.length, 1);
  assert.ok(!accountFiles(files.annPath).directories.some((path) => /expunged/.test(path)));

  // As if it were eight days ago: the links go too, though nobody looks at them.
  const old = new Date(Date.now() - 8 * 24 * 3_600_000).toISOString().slice(0, 10);
  const root = join(files.annPath, "posthouse-expunged");
  await files.close();
  await rename(join(root, first.day), join(root, old));
  const shown = join(files.annPath, "posthouse-expunged-mail");
  await rename(join(shown, `.${first.day}`), join(shown, `.${old}`));
  await account(files);
  await files.close();
  assert.ok(!(await readdir(shown)).includes(`.${old}`));
});
