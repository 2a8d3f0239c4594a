import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import type { AccountMail, FlagChange, Mailbox, ModSeq, Uid } from "../src/index.ts";
import {
  difference,
  formatSeenFile,
  parseSeenFile,
  type SeenFile,
  withSeen,
} from "../src/maildir/seen-file.ts";
import { uidSetOf } from "../src/uid-set.ts";
import { message, TestStore } from "./store-for-tests.ts";

/** A mailbox of four messages, of which its owner has seen the first. */
async function teamOf(files: TestStore): Promise<AccountMail> {
  const account = await files.account();
  await account.createMailbox("Team");
  await account.append(
    "Team",
    ["1", "2", "3", "4"].map((subject) => ({
      octets: [message(subject)],
      ...(subject === "1" && { systemFlags: ["\\Seen" as const] }),
    })),
  );
  return account;
}

const uids = (...numbers: number[]): Uid[] => numbers as Uid[];

function change(mode: FlagChange["mode"], ...systemFlags: FlagChange["systemFlags"]): FlagChange {
  return { mode, systemFlags, keywords: [] };
}

const flagsIn = ({ columns }: Mailbox): number[] => [...columns.systemFlags];

test("each user has a \\Seen of his own, and all other flags together", async () => {
  await using files = await TestStore.open();
  const account = await teamOf(files);
  await using own = await account.openMailbox("Team");
  await using bobs = await account.openMailbox("Team", { user: "bob" });
  await using eves = await account.openMailbox("Team", { user: "eve" });
  assert.deepEqual(flagsIn(bobs), [0, 0, 0, 0]);

  await bobs.changeFlags(uids(2, 3), change("add", "\\Seen", "\\Flagged"));
  await bobs.changeFlags(uids(3), change("remove", "\\Seen"));
  for (const mailbox of [own, bobs, eves]) await mailbox.sync(mailbox.columns);
  assert.deepEqual(flagsIn(own), [8, 2, 2, 0]);
  assert.deepEqual(flagsIn(bobs), [0, 10, 2, 0]);
  assert.deepEqual(flagsIn(eves), [0, 2, 2, 0]);

  // Replacing leaves the owner's \Seen where it is.
  await bobs.changeFlags(uids(1, 2), change("replace", "\\Answered", "\\Seen"));
  for (const mailbox of [own, bobs]) await mailbox.sync(mailbox.columns);
  assert.deepEqual(flagsIn(own), [9, 1, 2, 0]);
  assert.deepEqual(flagsIn(bobs), [9, 9, 2, 0]);
});

test("a change of one's own \\Seen has a modseq for that user, and is told to him alone", async () => {
  await using files = await TestStore.open();
  const account = await teamOf(files);
  await using own = await account.openMailbox("Team");
  await using bobs = await account.openMailbox("Team", { user: "bob" });
  await using again = await account.openMailbox("Team", { user: "bob" });
  const before = { own: own.columns, bobs: again.columns };
  const since = bobs.highestModSeq as ModSeq;

  await bobs.changeFlags(uids(2), change("add", "\\Seen"));
  assert.deepEqual((await again.sync(before.bobs)).changed, [2]);
  assert.deepEqual((await own.sync(before.own)).changed, []);
  const changes = await bobs.changesSince(since);
  assert.deepEqual([...changes.uids], [2]);
  assert.ok((changes.modSeqs[0] ?? 0) > since && changes.highestModSeq > since);
  assert.deepEqual([...(await own.changesSince(since)).uids], []);

  const { modified } = await again.changeFlags(uids(1, 2), {
    ...change("remove", "\\Seen"),
    unchangedSince: since,
  });
  assert.deepEqual(modified, [2]);
});

test("what somebody has seen outlives the index, a rename, and not the mailbox", async () => {
  await using files = await TestStore.open();
  const account = await teamOf(files);
  const see = async () => {
    await using bobs = await account.openMailbox("Team", { user: "bob" });
    await bobs.changeFlags(uids(2, 4), change("add", "\\Seen"));
    return bobs.columns.modSeqs.at(-1) ?? 0;
  };
  const modSeq = await see();
  await account.renameMailbox("Team", "Crew");
  await files.close();
  await files.removeIndex();
  const rebuilt = await files.account();
  {
    await using bobs = await rebuilt.openMailbox("Crew", { user: "bob" });
    assert.deepEqual(flagsIn(bobs), [0, 8, 0, 8]);
    assert.ok(bobs.highestModSeq > modSeq);
  }
  await rebuilt.deleteMailbox("Crew");
  await rebuilt.createMailbox("Crew");
  await rebuilt.append("Crew", [{ octets: [message("1")] }, { octets: [message("2")] }]);
  await using bobs = await rebuilt.openMailbox("Crew", { user: "bob" });
  assert.deepEqual(flagsIn(bobs), [0, 0]);
});

test("a damaged file is nothing seen, and is written anew", async () => {
  await using files = await TestStore.open();
  const account = await teamOf(files);
  await writeFile(join(files.annPath, ".Team", "posthouse-seen-bob"), "seen 1:4\n");
  await using bobs = await account.openMailbox("Team", { user: "bob" });
  assert.deepEqual(flagsIn(bobs), [0, 0, 0, 0]);
  await bobs.changeFlags(uids(3), change("add", "\\Seen"));
  await bobs.sync(bobs.columns);
  assert.deepEqual(flagsIn(bobs), [0, 0, 8, 0]);
});

test("who shares with an account is noted in a plain file", async () => {
  await using files = await TestStore.open();
  const account = await files.account();
  assert.deepEqual(await account.sharers(), []);
  await account.setSharer("bob@example.org", true);
  await account.setSharer("j\u00f6rg@example.org", true);
  await account.setSharer("bob@example.org", true);
  const file = await readFile(join(files.annPath, "posthouse-sharers"), "latin1");
  assert.equal(file, "bob@example.org\nj%C3%B6rg@example.org\n");
  await account.setSharer("bob@example.org", false);
  assert.deepEqual(await account.sharers(), ["j\u00f6rg@example.org"]);
});

const uidSet = fc
  .uniqueArray(fc.integer({ min: 1, max: 60 }), { maxLength: 30 })
  .map((numbers) => uidSetOf(numbers.sort((a, b) => a - b)));
const numbersIn = (set: ReturnType<typeof uidSetOf>): number[] =>
  set.flatMap(({ first, last }) =>
    Array.from({ length: last - first + 1 }, (_one, at) => first + at),
  );

test("the difference of two sets is what the first has and the second has not", () => {
  fc.assert(
    fc.property(uidSet, uidSet, (a, b) => {
      const taken = new Set(numbersIn(b));
      const left = numbersIn(a).filter((uid) => !taken.has(uid));
      assert.deepEqual(numbersIn(difference(a, b)), left);
    }),
  );
});

test("after any number of changes a file says what is seen, and no change is told too old", () => {
  const step = fc.record({ uids: uidSet, isSeen: fc.boolean() });
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 300 }), (steps) => {
      let file: SeenFile = { uidValidity: 7, seen: [], changes: [] };
      const seen = new Set<number>();
      const changedAt = new Map<number, number>();
      for (const [at, { uids: some, isSeen }] of steps.entries()) {
        if (some.length === 0) continue;
        file = withSeen(file, some, { isSeen, modSeq: at + 1 });
        for (const uid of numbersIn(some)) {
          changedAt.set(uid, at + 1);
          if (isSeen) seen.add(uid);
          else seen.delete(uid);
        }
      }
      const read = parseSeenFile(Buffer.from(formatSeenFile(file)));
      assert.deepEqual(
        numbersIn(read?.seen ?? []),
        [...seen].sort((a, b) => a - b),
      );
      for (const { modSeq, uids: some } of read?.changes ?? []) {
        for (const uid of numbersIn(some)) assert.ok(modSeq >= (changedAt.get(uid) ?? 0));
      }
      assert.ok((read?.changes.length ?? 0) <= 200);
    }),
    { numRuns: 50 },
  );
});

test("any octets are a file or none", () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.constantFrom(
          "posthouse-seen 1\n",
          "seen ",
          "1:5",
          ",",
          "uid-validity 3\n",
          "change 5 ",
          "9:2\n",
          "\xff",
          "x",
        ),
      ),
      (parts) => {
        const file = parseSeenFile(Buffer.from(parts.join(""), "latin1"));
        if (file !== undefined)
          assert.deepEqual(parseSeenFile(Buffer.from(formatSeenFile(file))), file);
      },
    ),
  );
});
