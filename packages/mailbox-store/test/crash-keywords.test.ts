import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import type { AccountMail, MailboxFormat, Uid } from "../src/index.ts";
import { type ChildOrder, startChild } from "./child-store.ts";
import { message, snapshotOf, TestStore } from "./store-for-tests.ts";

/** More than the 26 that have letters in file names: the last ones stand in posthouse-mailbox alone. */
const keywords = Array.from({ length: 30 }, (_, at) => `keyword${at}`);

async function filled(format: MailboxFormat = "maildir"): Promise<TestStore> {
  const files = await TestStore.open({}, format);
  const account = await files.account();
  await account.append("INBOX", [
    { octets: [message("1")], keywords },
    { octets: [message("2")], keywords: ["keyword1", "keyword29"] },
  ]);
  await files.close();
  return files;
}

async function killed(files: TestStore, order: ChildOrder, row: string): Promise<void> {
  const child = await startChild(files.mailDirectory, row);
  await child.ask(order);
  await child[Symbol.asyncDispose]();
  assert.equal(child.signal, "SIGKILL", "the process came to this row");
}

async function keywordsIn(account: AccountMail): Promise<string[]> {
  const all: string[] = [];
  for (const name of ["INBOX", "Archive"]) {
    const { messages } = await snapshotOf(account, name);
    all.push(...messages.map((one) => `${name} ${one.uid}: ${one.keywords.join(" ")}`));
  }
  return all;
}

for (const row of ["F1", "F2", "commit changeFlags", "committed changeFlags"]) {
  test(`a keyword without a letter, set by a process killed at ${row}, is there or not, with and without the index`, async () => {
    await using files = await filled();
    // Its keyword is the 31st.
    await killed(files, { do: "flag", uids: [1, 2] }, row);
    const shown = await keywordsIn(await files.account());
    await files.close();
    await files.removeIndex();
    assert.deepEqual(await keywordsIn(await files.account()), shown);
  });
}

const moves = ["C3", "C4", "commit copy", "committed copy"].map((row) => ({ row, isKnown: false }));
// Where the index knows the target, its list of UIDs is believed line by line: U2 of mailbox-transaction.ts.
for (const { row, isKnown } of [...moves, { row: "commit copy", isKnown: true }]) {
  const target = isKnown ? "a mailbox that was opened before" : "one that nobody has opened yet";
  test(`a move into ${target}, killed at ${row}, keeps keywords without a letter`, async () => {
    await using files = await filled();
    if (isKnown) {
      await snapshotOf(await files.account(), "Archive");
      await files.close();
    }
    await killed(files, { do: "move", uids: [1, 2], to: "Archive" }, row);
    const shown = await keywordsIn(await files.account());
    assert.equal(shown.length, 2);
    assert.equal(shown.filter((one) => one.endsWith(": keyword1 keyword29")).length, 1);
    assert.equal(shown.filter((one) => one.endsWith([...keywords].sort().join(" "))).length, 1);
    await files.close();
    await files.removeIndex();
    assert.deepEqual(await keywordsIn(await files.account()), shown);
  });
}

test("what a killed move left keeps keywords without a letter when another process writes theirs first", async () => {
  await using files = await filled();
  const account = await files.account();
  await account.append("Archive", [{ octets: [message("3")] }]);
  await using archive = await account.openMailbox("Archive");
  await killed(files, { do: "move", uids: [1, 2], to: "Archive" }, "commit copy");
  const mine = ["mine", "keyword9", "mine-too"];
  await archive.changeFlags([1 as Uid], { mode: "add", systemFlags: [], keywords: mine });
  const wanted = [
    "Archive 1: keyword9 mine mine-too",
    `Archive 2: ${[...keywords].sort().join(" ")}`,
    "Archive 3: keyword1 keyword29",
  ];
  assert.deepEqual(await keywordsIn(account), wanted);
  await files.close();
  await files.removeIndex();
  assert.deepEqual(await keywordsIn(await files.account()), wanted);
});

test("a move from an mbox into a Maildir, killed when it has left the mbox, keeps keywords without a letter", async () => {
  await using files = await filled("mbox");
  for (const directory of ["cur", "new", "tmp"]) {
    await mkdir(join(files.annPath, ".Files", directory), { recursive: true });
  }
  await snapshotOf(await files.account(), "Files");
  await files.close();
  await killed(files, { do: "move", uids: [1, 2], to: "Files" }, "J5 edit");
  // A scan gives them their UIDs, in no order that anybody was told.
  const { messages } = await snapshotOf(await files.account(), "Files");
  assert.deepEqual(
    messages.map((one) => one.keywords.join(" ")).sort(),
    [[...keywords].sort().join(" "), "keyword1 keyword29"].sort(),
  );
});
