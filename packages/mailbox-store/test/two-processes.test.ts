import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import type { Uid } from "../src/index.ts";
import { type ChildStore, startChild } from "./child-store.ts";
import { message, octetsOf, TestStore, uidsOf } from "./store-for-tests.ts";

async function deliverBy(child: ChildStore, subjects: readonly string[]): Promise<void> {
  assert.deepEqual(await child.ask({ do: "deliver", subjects }), { done: subjects.length });
}

test("a delivery by another process wakes whoever watches, and is there at the next sync", async () => {
  await using files = await TestStore.open();
  const account = await files.account();
  await using inbox = await account.openMailbox("INBOX");
  await using child = await startChild(files.mailDirectory);
  const woken = Promise.withResolvers<void>();
  using _watching = account.onChange(woken.resolve);
  await deliverBy(child, ["from-the-child"]);
  await woken.promise;
  const { added } = await inbox.sync(inbox.columns);
  assert.deepEqual(added, [1]);
  assert.deepEqual(await octetsOf(inbox, 1), message("from-the-child"));
});

test("a mailbox that is opened again has what others did meanwhile, also under another name or anew", async () => {
  await using files = await TestStore.open();
  const account = await files.account();
  await using child = await startChild(files.mailDirectory);
  const uidsNow = async (name: string) => {
    await using mailbox = await account.openMailbox(name);
    return uidsOf(mailbox);
  };
  await deliverBy(child, ["one"]);
  assert.deepEqual(await uidsNow("INBOX"), [1]);
  await deliverBy(child, ["two"]);
  assert.deepEqual(await uidsNow("INBOX"), [1, 2]);
  await account.createMailbox("Old");
  await account.append("Old", [{ octets: [message("kept")] }]);
  assert.deepEqual(await uidsNow("Old"), [1]);
  await account.renameMailbox("Old", "New");
  await account.append("New", [{ octets: [message("more")] }]);
  assert.deepEqual(await uidsNow("New"), [1, 2]);
  await account.deleteMailbox("New");
  await account.createMailbox("New");
  assert.deepEqual(await uidsNow("New"), []);
});

test("two processes that deliver at the same time give every message a UID of its own", async () => {
  await using files = await TestStore.open();
  const account = await files.account();
  await using child = await startChild(files.mailDirectory);
  const theirs = Array.from({ length: 40 }, (_one, n) => `theirs-${n}`);
  const ours = Array.from({ length: 40 }, (_one, n) => `ours-${n}`);
  const [, ...appended] = await Promise.all([
    deliverBy(child, theirs),
    ...ours.map((subject) => account.deliver("INBOX", { octets: [message(subject)] }, subject)),
  ]);
  await using inbox = await account.openMailbox("INBOX");
  assert.deepEqual(
    uidsOf(inbox),
    Array.from({ length: 80 }, (_one, n) => n + 1),
  );
  for (const [n, { uids }] of appended.entries()) {
    assert.deepEqual(await octetsOf(inbox, uids[0] ?? 0), message(`ours-${n}`));
  }
  assert.deepEqual(await account.check(), []);
  assert.equal((await readdir(join(files.annPath, "new"))).length, 80);
});

test("the same hand-over to two processes is stored once", async () => {
  await using files = await TestStore.open();
  const account = await files.account();
  await using child = await startChild(files.mailDirectory);
  await Promise.all([
    deliverBy(child, ["same"]),
    account.deliver("INBOX", { octets: [message("same")] }, "same"),
  ]);
  assert.equal((await account.status("INBOX")).messages, 1);
});

test("the maildrop is one process's until that dies", async () => {
  await using files = await TestStore.open();
  const account = await files.account();
  const child = await startChild(files.mailDirectory);
  assert.deepEqual(await child.ask({ do: "lock" }), { done: 1 });
  assert.equal(await account.lockMaildrop(), undefined);
  await child.kill();
  await using lock = await account.lockMaildrop();
  assert.ok(lock);
});

test("two processes that flag, move and expunge in one mailbox agree with the files in the end", async () => {
  await using files = await TestStore.open();
  const account = await files.account();
  const subjects = Array.from({ length: 60 }, (_one, n) => `message-${n}`);
  for (const subject of subjects) {
    await account.append("INBOX", [{ octets: [message(subject)] }]);
  }
  await using inbox = await account.openMailbox("INBOX");
  await using child = await startChild(files.mailDirectory);
  const from = (first: number) => Array.from({ length: 20 }, (_one, n) => first + n) as Uid[];
  // Each overlaps with what the other process moves or removes meanwhile.
  const ours = async () => {
    for (const uid of from(1)) {
      await inbox.changeFlags([uid], { mode: "add", systemFlags: ["\\Seen"], keywords: ["ours"] });
    }
    await inbox.move(from(21), "Archive");
    await inbox.expunge(from(11));
  };
  const theirs = async () => {
    for (const order of [
      { do: "flag", uids: from(11) },
      { do: "move", uids: from(1), to: "Trash" },
      { do: "expunge", uids: from(31) },
    ] as const) {
      // What the other process was faster with is "gone" for this one.
      assert.notEqual(await child.ask(order), undefined);
    }
  };
  await Promise.all([ours(), theirs()]);
  await inbox.sync(inbox.columns);
  assert.ok(uidsOf(inbox).every((uid) => uid > 40));
  assert.deepEqual(await account.check(), []);
  const kept = (await account.status("INBOX")).messages;
  const archived = (await account.status("Archive")).messages;
  const thrownAway = (await account.status("Trash")).messages;
  assert.ok(kept >= 10 && kept + archived + thrownAway <= 60, `${kept} ${archived} ${thrownAway}`);
});
