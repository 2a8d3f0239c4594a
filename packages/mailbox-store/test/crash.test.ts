import assert from "node:assert/strict";
import { appendFile, cp, readdir } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import type { AccountMail } from "../src/index.ts";
import { type ChildOrder, startChild } from "./child-store.ts";
import { message, octetsOf, snapshotOf, TestStore } from "./store-for-tests.ts";

/**
 * A process is killed at each row of each crash table, and the account opened again, once with its index
 * and once without. What must hold: no accepted message is lost, no UID is given twice or goes back, no
 * half of a message is visible; at worst a message is there twice.
 */
type Counts = Readonly<Record<string, readonly [least: number, most: number]>>;

const cases: {
  readonly rows: readonly string[];
  readonly order: ChildOrder;
  /** How often each subject may be there, in all mailboxes together; 1 when it is not named. */
  readonly counts?: Counts;
  /** The same after the commit, when the client may have been told. */
  readonly done?: Counts;
  /** These are there equally often, as long as the index is. */
  readonly together?: readonly string[];
}[] = [
  {
    rows: ["D1", "D2", "D3", "commit append", "committed append"],
    order: { do: "deliver", subjects: ["new"] },
    counts: { new: [0, 1] },
    done: { new: [1, 1] },
  },
  {
    rows: ["D1", "B1", "B2", "D2", "D3", "commit append", "committed append"],
    order: { do: "append", to: "Sent", subjects: ["new", "newer"] },
    counts: { new: [0, 1], newer: [0, 1] },
    done: { new: [1, 1], newer: [1, 1] },
    together: ["new", "newer"],
  },
  {
    rows: ["F1", "F2", "commit changeFlags", "committed changeFlags"],
    order: { do: "flag", uids: [1, 2] },
  },
  {
    rows: ["X1", "X2", "commit expunge", "committed expunge"],
    order: { do: "expunge", uids: [1, 2] },
    counts: { "1": [0, 1], "2": [0, 1] },
    done: { "1": [0, 0], "2": [0, 0] },
  },
  {
    rows: ["B1", "B2", "C1", "C2", "commit copy", "committed copy"],
    order: { do: "copy", uids: [1, 2], to: "Archive" },
    counts: { "1": [1, 2], "2": [1, 2] },
    done: { "1": [2, 2], "2": [2, 2] },
    together: ["1", "2"],
  },
  {
    rows: ["C1", "C2", "C3", "C4", "commit copy", "committed copy"],
    order: { do: "move", uids: [1, 2], to: "Archive" },
  },
  {
    rows: ["B2", "P1", "D3", "P2", "X2", "P3", "commit replace", "committed replace"],
    order: { do: "replace", uid: 1, to: "Archive", subject: "better" },
    counts: { "1": [0, 1], better: [0, 1] },
    done: { "1": [0, 0], better: [1, 1] },
  },
  {
    rows: ["N1", "N2", "commit setAnnotations", "committed setAnnotations"],
    order: { do: "annotate" },
  },
  { rows: ["N1", "N2"], order: { do: "annotate", name: "INBOX" } },
  {
    rows: ["N2", "commit setRights", "committed setRights"],
    order: { do: "rights", name: "INBOX" },
  },
  {
    rows: ["S1", "S2", "commit setSeen", "committed setSeen"],
    order: { do: "see", uids: [1, 3] },
  },
  {
    rows: ["H1", "H2", "commit setSharer", "committed setSharer"],
    order: { do: "sharer", address: "bob@example.org" },
  },
  {
    rows: ["M1", "M2", "commit createMailbox", "committed createMailbox"],
    order: { do: "create", name: "Made/Below" },
  },
  {
    rows: [
      "commit renameMailbox",
      "committed renameMailbox",
      "R1",
      "R2",
      "R3",
      "commit finishRenames",
      "committed finishRenames",
    ],
    order: { do: "rename", name: "Work", to: "Jobs" },
  },
  {
    rows: ["Z1", "Z2", "commit deleteMailbox", "Z3", "committed deleteMailbox"],
    order: { do: "delete", name: "Trash" },
    counts: { trashed: [0, 1] },
    done: { trashed: [0, 0] },
  },
];

/** A row that several orders come to is tried with the first one; with all in the long run. */
const isEveryRowTried = process.env.POSTHOUSE_EVERY_ROW === "1";
const rowsTried = new Set<string>();

function isTried(row: string): boolean {
  const isFirst = !rowsTried.has(row);
  rowsTried.add(row);
  return isFirst || isEveryRowTried;
}

/** Every third case also looks at the files alone, without the index; all do in the long run. */
let casesSoFar = 0;
function isTriedWithoutIndex(): boolean {
  casesSoFar += 1;
  return isEveryRowTried || casesSoFar % 3 === 1;
}

let template: TestStore;
/** What a client of the template knows. */
const seenBefore = new Map<string, string>();
const copyOptions = { recursive: true, preserveTimestamps: true };
const subjectsBefore = ["1", "2", "3", "4", "work", "q1", "trashed"];

before(async () => {
  template = await TestStore.open();
  const account = await template.account();
  for (const subject of ["1", "2", "3"]) {
    await account.deliver("INBOX", { octets: [message(subject)] }, subject);
  }
  await account.append("Archive", [{ octets: [message("4")] }]);
  await account.createMailbox("Work/Q1");
  await account.append("Work", [{ octets: [message("work")] }]);
  await account.append("Work/Q1", [{ octets: [message("q1")] }]);
  await account.append("Trash", [{ octets: [message("trashed")] }]);
  await look(account, seenBefore);
  await template.close();
});

after(async () => {
  await template[Symbol.asyncDispose]();
});

/** Where each UID of each mailbox id was seen, by subject: none may ever mean another message. */
type Seen = Map<string, string>;

async function look(account: AccountMail, seen: Seen): Promise<string[]> {
  const subjects: string[] = [];
  for (const { name, exists } of await account.listMailboxes()) {
    if (!exists) continue;
    await using mailbox = await account.openMailbox(name);
    for (const uid of mailbox.columns.uids) {
      const octets = await octetsOf(mailbox, uid);
      const subject = /^Subject: (.*)\r$/m.exec(octets.toString())?.[1] ?? "";
      assert.deepEqual(octets, message(subject), "a message is whole or not there");
      subjects.push(subject);
      const place = `${mailbox.mailboxId} ${mailbox.uidValidity} ${uid}`;
      assert.equal(seen.get(place) ?? subject, subject, "a UID always means the same message");
      seen.set(place, subject);
      assert.ok(uid < mailbox.uidNext);
    }
  }
  return subjects.sort();
}

function assertCounts(subjects: readonly string[], counts: Counts): void {
  for (const subject of new Set([...subjectsBefore, ...subjects])) {
    const [least, most] = counts[subject] ?? [1, 1];
    const count = subjects.filter((one) => one === subject).length;
    assert.ok(count >= least && count <= most, `"${subject}" is there ${count} times`);
  }
}

void describe("a process that is killed", { concurrency: 3 }, () => {
  for (const { rows, order, counts, done, together } of cases) {
    for (const row of rows.filter(isTried)) {
      const isWithoutIndexToo = isTriedWithoutIndex();
      test(`${order.do} killed at ${row} loses nothing`, async () => {
        await using files = await TestStore.open();
        await cp(template.mailDirectory, files.mailDirectory, copyOptions);
        const seen = new Map(seenBefore);
        const child = await startChild(files.mailDirectory, row);
        await child.ask(order);
        await child[Symbol.asyncDispose]();
        assert.equal(child.signal, "SIGKILL", "the process came to this row");

        const subjects = await look(await files.account(), seen);
        assertCounts(subjects, counts ?? {});
        const counted = (together ?? []).map((one) =>
          subjects.filter((subject) => subject === one),
        );
        assert.ok(new Set(counted.map(({ length }) => length)).size <= 1, "all or none");
        if (order.do === "replace") {
          assert.equal(subjects.filter((one) => one === "1" || one === "better").length, 1);
        }
        // From the commit on it is done: the reply may have been sent.
        if (row.startsWith("committed")) assertCounts(subjects, done ?? {});
        const found = await (await files.account()).check();
        // A mailbox that is deleted stays subscribed (RFC 9051 §6.3.7).
        assert.deepEqual(
          found.filter((finding) => !finding.includes("is subscribed")),
          [],
        );
        if (isWithoutIndexToo) {
          await files.close();
          await files.removeIndex();
        }
        const account = await files.account();
        assert.deepEqual(await look(account, seen), subjects, "the files alone say the same");
        await account.deliver("INBOX", { octets: [message("after")] }, "after");
        await account.append("Archive", [{ octets: [message("after")] }]);
        await look(account, seen);
        const left = (await readdir(files.annPath)).filter((name) => /making|deleted/.test(name));
        assert.deepEqual(left, []);
      });
    }
  }
});

for (const row of ["A1", "A2"]) {
  test(`making an account killed at ${row} leaves nothing that is in the way`, async () => {
    await using files = await TestStore.open();
    const child = await startChild(files.mailDirectory, row);
    await child[Symbol.asyncDispose]();
    assert.equal(child.signal, "SIGKILL");
    const account = await files.account();
    assert.equal((await account.listMailboxes()).length, 6);
    assert.deepEqual((await snapshotOf(account, "INBOX")).messages, []);
  });
}

test("a rename killed half-way is finished when the account is opened again", async () => {
  await using files = await TestStore.open();
  await cp(template.mailDirectory, files.mailDirectory, copyOptions);
  const child = await startChild(files.mailDirectory, "R2");
  await child.ask({ do: "rename", name: "Work", to: "Jobs" });
  const names = (await (await files.account()).listMailboxes()).map(({ name }) => name);
  assert.deepEqual(
    names.filter((name) => /Work|Jobs/.test(name)),
    ["Jobs", "Jobs/Q1"],
  );
});

test("what removes the half of a batch may be killed too", async () => {
  await using files = await TestStore.open();
  await cp(template.mailDirectory, files.mailDirectory, copyOptions);
  const subjects = ["new", "newer", "newest"];
  const child = await startChild(files.mailDirectory, "commit append");
  await child.ask({ do: "append", to: "Sent", subjects });
  const next = await startChild(files.mailDirectory, "B3");
  assert.equal(next.signal, "SIGKILL", "the next process came to this row");
  const account = await files.account();
  assert.equal((await account.status("Sent")).messages, 0);
  const { uids } = await account.append("Sent", [{ octets: [message("after")] }]);
  assert.ok((uids[0] ?? 0) > 0);
  assert.ok(!(await readdir(files.annPath)).includes("posthouse-batch"));
});

test("another process that is running already removes the half of a batch", async () => {
  await using files = await TestStore.open();
  await cp(template.mailDirectory, files.mailDirectory, copyOptions);
  const account = await files.account();
  await using sent = await account.openMailbox("Sent");
  const child = await startChild(files.mailDirectory, "commit append");
  await child.ask({ do: "append", to: "Sent", subjects: ["new", "newer"] });
  assert.deepEqual((await sent.sync(sent.columns)).added, []);
  assert.deepEqual(await readdir(join(files.annPath, ".Sent", "cur")), []);
});

test("what a batch placed stays where the index was lost with it", async () => {
  await using files = await TestStore.open();
  await cp(template.mailDirectory, files.mailDirectory, copyOptions);
  const child = await startChild(files.mailDirectory, "commit append");
  await child.ask({ do: "append", to: "Sent", subjects: ["new", "newer"] });
  await files.removeIndex();
  assert.equal((await (await files.account()).status("Sent")).messages, 2);
});

test("the half of a batch is removed where the disk came back under another number, with other inodes", async () => {
  await using files = await TestStore.open();
  await cp(template.mailDirectory, files.mailDirectory, copyOptions);
  const child = await startChild(files.mailDirectory, "P2");
  await child.ask({ do: "replace", uid: 1, to: "Archive", subject: "better" });
  assert.equal(child.signal, "SIGKILL");
  await using copied = await TestStore.open();
  await cp(files.mailDirectory, copied.mailDirectory, copyOptions);
  const subjects = await look(await copied.account(), new Map(seenBefore));
  assert.deepEqual(subjects, subjectsBefore.toSorted());
});

test("what a batch placed stays where the index is an older copy", async () => {
  await using files = await TestStore.open();
  await cp(template.mailDirectory, files.mailDirectory, copyOptions);
  await (await files.account()).append("Sent", [{ octets: [message("newest")] }]);
  await files.close();
  const child = await startChild(files.mailDirectory, "committed append");
  await child.ask({ do: "append", to: "Sent", subjects: ["new", "newer"] });
  assert.equal(child.signal, "SIGKILL");
  await files.removeIndex();
  const index = "index.sqlite";
  await cp(join(template.annPath, index), join(files.annPath, index), copyOptions);
  assert.equal((await (await files.account()).status("Sent")).messages, 3);
});

test("annotations, rights and special use are the old or the new after a kill, and stay so", async () => {
  await using files = await TestStore.open();
  await cp(template.mailDirectory, files.mailDirectory, copyOptions);
  const child = await startChild(files.mailDirectory, "N2");
  await child.ask({ do: "annotate", name: "INBOX" });
  const entries = ["/private/comment"];
  const account = await files.account();
  const { found } = await account.annotations("INBOX", { entries });
  assert.deepEqual(found, [{ entry: entries[0], value: Buffer.from("mine") }]);
  await files.close();
  await files.removeIndex();
  const again = await (await files.account()).annotations("INBOX", { entries });
  assert.deepEqual(again.found, found);
});

test("what a reader has seen is the old or the new after a kill, with a modseq that is given once", async () => {
  await using files = await TestStore.open();
  await cp(template.mailDirectory, files.mailDirectory, copyOptions);
  const child = await startChild(files.mailDirectory, "S2");
  await child.ask({ do: "see", uids: [1, 3] });
  const account = await files.account();
  const seenModSeq = await (async () => {
    await using inbox = await account.openMailbox("INBOX", { user: "bob" });
    assert.deepEqual([...inbox.columns.systemFlags], [8, 0, 8]);
    const modSeq = inbox.columns.modSeqs[0] ?? 0;
    assert.ok(modSeq <= inbox.highestModSeq, "the mailbox's own modseq is not behind it");
    return modSeq;
  })();
  await account.append("INBOX", [{ octets: [message("after")] }]);
  await using inbox = await account.openMailbox("INBOX");
  assert.ok((inbox.columns.modSeqs.at(-1) ?? 0) > seenModSeq);
});

test("a repair that is killed while it renames a file loses nothing", async () => {
  await using files = await TestStore.open();
  await cp(template.mailDirectory, files.mailDirectory, copyOptions);
  await snapshotOf(await files.account(), "INBOX");
  await files.close();
  const fresh = join(files.annPath, "new");
  const name = (await readdir(fresh))[0] ?? "";
  await appendFile(join(fresh, name), "grown\r\n");
  const child = await startChild(files.mailDirectory, "K2");
  await child.ask({ do: "repair" });
  assert.equal(child.signal, "SIGKILL");
  const account = await files.account();
  assert.equal((await account.status("INBOX")).messages, 3);
  await account.check({ repair: true });
  assert.deepEqual(await account.check(), []);
});

test("a hand-over that was answered before the process died is not stored again", async () => {
  await using files = await TestStore.open();
  await cp(template.mailDirectory, files.mailDirectory, copyOptions);
  const child = await startChild(files.mailDirectory, "committed append");
  await child.ask({ do: "deliver", subjects: ["new"] });
  const account = await files.account();
  const { uids } = await account.deliver("INBOX", { octets: [message("new")] }, "new");
  assert.deepEqual(uids, [4]);
  assert.equal((await account.status("INBOX")).messages, 4);
});
