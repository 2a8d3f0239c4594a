import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { cp } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import type { AccountMail } from "../src/index.ts";
import { type ChildOrder, startChild } from "./child-store.ts";
import { message, octetsOf, TestStore } from "./store-for-tests.ts";

/**
 * A process is killed at the rows of mbox-journal.ts, and of the jobs that write an mbox. As in
 * crash.test.ts: no accepted message is lost, no UID means another message, nothing half is visible.
 */
type Counts = Readonly<Record<string, readonly [least: number, most: number]>>;

const oneOrTwo: Counts = { "1": [1, 2], "2": [1, 2] };

const cases: readonly {
  readonly rows: readonly string[];
  readonly order: ChildOrder;
  readonly counts?: Counts;
}[] = [
  {
    rows: ["D1", "D2", "J1", "J2", "J3", "J4", "J5", "commit append"],
    order: { do: "deliver", subjects: ["new"] },
    counts: { new: [0, 1] },
  },
  {
    rows: ["committed append"],
    order: { do: "deliver", subjects: ["new"] },
    counts: { new: [1, 1] },
  },
  { rows: ["J1", "J2", "J5", "commit changeFlags"], order: { do: "flag", uids: [1, 2] } },
  {
    rows: ["X1", "J2", "J4", "J5"],
    order: { do: "expunge", uids: [1, 2] },
    counts: { "1": [0, 1], "2": [0, 1] },
  },
  {
    rows: ["committed expunge"],
    order: { do: "expunge", uids: [1, 2] },
    counts: { "1": [0, 0], "2": [0, 0] },
  },
  {
    rows: ["C2", "J3"],
    order: { do: "copy", uids: [1, 2], to: "Archive" },
    counts: oneOrTwo,
  },
  {
    rows: ["C3", "C4", "J5 append", "J2 edit", "J5 edit", "commit copy"],
    order: { do: "move", uids: [1, 2], to: "Archive" },
    counts: oneOrTwo,
  },
  {
    rows: ["J5 append", "J2 edit"],
    order: { do: "move", uids: [1, 2], to: "INBOX" },
    counts: oneOrTwo,
  },
];

let template: TestStore;
/** What a client of the template knows. */
const seenBefore = new Map<string, string>();

before(async () => {
  template = await TestStore.open({}, "mbox");
  const account = await template.account();
  for (const subject of ["1", "2", "3"]) {
    await account.deliver("INBOX", { octets: [message(subject)] }, subject);
  }
  await account.append("Archive", [{ octets: [message("4")] }]);
  await look(account, seenBefore);
  await template.close();
});

after(async () => {
  await template[Symbol.asyncDispose]();
});

async function look(account: AccountMail, seen: Map<string, string>): Promise<string[]> {
  const subjects: string[] = [];
  for (const name of ["INBOX", "Archive"]) {
    await using mailbox = await account.openMailbox(name);
    for (const uid of mailbox.columns.uids) {
      const octets = await octetsOf(mailbox, uid);
      const subject = /^Subject: (.*)\r$/m.exec(octets.toString())?.[1] ?? "";
      assert.deepEqual(octets, message(subject), "a message is whole or not there");
      subjects.push(subject);
      const place = `${mailbox.mailboxId} ${mailbox.uidValidity} ${uid}`;
      assert.equal(seen.get(place) ?? subject, subject, "a UID always means the same message");
      seen.set(place, subject);
    }
  }
  return subjects.sort();
}

for (const row of ["J5 append", "J2 edit", "J5 edit", "commit copy"]) {
  test(`a move with a scan in its transaction killed at ${row} loses nothing`, async () => {
    await using files = await TestStore.open({}, "mbox");
    await cp(template.mailDirectory, files.mailDirectory, { recursive: true });
    const script = join(import.meta.dirname, "batch-child.ts");
    const child = spawn(process.execPath, [script, files.annPath, row], { stdio: "inherit" });
    assert.deepEqual(await once(child, "exit"), [null, "SIGKILL"]);
    const subjects = await look(await files.account(), new Map(seenBefore));
    assert.deepEqual([...new Set(subjects)], ["1", "2", "3", "4"]);
  });
}

void describe("a process that is killed while it writes an mbox", { concurrency: 3 }, () => {
  for (const { rows, order, counts } of cases) {
    for (const [at, row] of rows.entries()) {
      // The first row of each order; all in the long run.
      const isWithoutIndexToo = at === 0 || process.env.POSTHOUSE_EVERY_ROW === "1";
      test(`${order.do} in an mbox killed at ${row} loses nothing`, async () => {
        await using files = await TestStore.open({}, "mbox");
        await cp(template.mailDirectory, files.mailDirectory, { recursive: true });
        const seen = new Map(seenBefore);
        const child = await startChild(files.mailDirectory, row);
        await child.ask(order);
        await child[Symbol.asyncDispose]();
        assert.equal(child.signal, "SIGKILL", "the process came to this row");

        const subjects = await look(await files.account(), seen);
        for (const subject of new Set(["1", "2", "3", "4", ...subjects])) {
          const [least, most] = counts?.[subject] ?? [1, 1];
          const count = subjects.filter((one) => one === subject).length;
          assert.ok(count >= least && count <= most, `"${subject}" is there ${count} times`);
        }
        assert.deepEqual(await (await files.account()).check(), []);
        if (isWithoutIndexToo) {
          await files.close();
          await files.removeIndex();
        }
        const account = await files.account();
        assert.deepEqual(await look(account, seen), subjects, "the mbox alone says the same");
        await account.deliver("INBOX", { octets: [message("after")] }, "after");
        await look(account, seen);
      });
    }
  }
});
