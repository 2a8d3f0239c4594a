import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import fc from "fast-check";
import { type Mailbox, StoreError, type StoreErrorCode, type Uid } from "../src/index.ts";
import {
  accountsOf,
  ann,
  message,
  octetsOf,
  snapshotOf,
  TestStore,
  uidsOf,
} from "./store-for-tests.ts";

/** What every format must do. A format is a way to open a store; there will be more. */
const formats = [
  { name: "maildir", openAlone: () => TestStore.open() },
  { name: "maildir, compressed", openAlone: () => TestStore.open({ compression: "zstd" }) },
  { name: "mbox", openAlone: () => TestStore.open({}, "mbox") },
].map((format) => ({ ...format, open: accountsOf(format.openAlone) }));

function refusal(code: StoreErrorCode): (error: unknown) => boolean {
  return (error) => error instanceof StoreError && error.code === code;
}

function uids(...numbers: number[]): Uid[] {
  return numbers as Uid[];
}

/** Messages 1 to n, the subject of each its number. */
async function inboxOf(files: Pick<TestStore, "account">, count: number): Promise<Mailbox> {
  const account = await files.account();
  for (let n = 1; n <= count; n += 1) {
    await account.deliver("INBOX", { octets: [message(`${n}`)] }, `delivery ${n}`);
  }
  return account.openMailbox("INBOX");
}

for (const format of formats) {
  void describe(`an account kept as ${format.name}`, { concurrency: 4 }, () => {
    test("has INBOX and the special-use mailboxes from the beginning, all subscribed", async () => {
      const files = await format.open();
      const infos = await (await files.account()).listMailboxes();
      assert.deepEqual(
        infos.map(({ name, specialUse, isSubscribed, exists }) => [
          name,
          specialUse[0],
          isSubscribed && exists,
        ]),
        [
          ["INBOX", undefined, true],
          ["Archive", "\\Archive", true],
          ["Drafts", "\\Drafts", true],
          ["Junk", "\\Junk", true],
          ["Sent", "\\Sent", true],
          ["Trash", "\\Trash", true],
        ],
      );
    });

    test("gives back exactly the octets it was given", async () => {
      const files = await format.open();
      const account = await files.account();
      await using sent = await account.openMailbox("Sent");
      const line = fc
        .uint8Array({ maxLength: 200 })
        .map((octets) =>
          Buffer.concat([
            octets.filter((octet) => octet > 0 && octet !== 10 && octet !== 13),
            Buffer.from("\r\n"),
          ]),
        );
      const anyMessage = fc.array(line, { maxLength: 12 }).map((lines) => Buffer.concat(lines));
      await fc.assert(
        fc.asyncProperty(anyMessage, fc.integer({ min: 1, max: 100 }), async (octets, cut) => {
          const pieces = [octets.subarray(0, cut), octets.subarray(cut)];
          const { uids: appended } = await account.append("Sent", [{ octets: pieces }]);
          await sent.sync(sent.columns);
          assert.deepEqual(await octetsOf(sent, appended[0] ?? 0), octets);
          assert.equal(sent.columns.sizes.at(-1), octets.length);
        }),
        { numRuns: 30 },
      );
    });

    test("streams a message that is larger than its memory bound", async () => {
      const files = await format.open();
      const account = await files.account();
      const octets = message("large", `${"x".repeat(70)}\r\n`.repeat(7_000));
      const pieces = Array.from({ length: Math.ceil(octets.length / 16_384) }, (_one, at) =>
        octets.subarray(at * 16_384, (at + 1) * 16_384),
      );
      await account.deliver("INBOX", { octets: pieces }, "large");
      await using inbox = await account.openMailbox("INBOX");
      assert.deepEqual(await octetsOf(inbox, 1), octets);
      await using stored = await inbox.openMessage(uids(1)[0] as Uid);
      const part = await stored.parts();
      assert.equal(part.bodyEnd, octets.length);
      const range: Uint8Array[] = [];
      for await (const chunk of stored.read(part.bodyStart, part.bodyStart + 5)) range.push(chunk);
      assert.equal(Buffer.concat(range).toString(), "xxxxx");
    });

    test("reads a part of a message by octets, also where that is nothing", async () => {
      const files = await format.open();
      await using inbox = await inboxOf(files, 1);
      await using stored = await inbox.openMessage(uids(1)[0] as Uid);
      for await (const _chunk of stored.read(3, 3)) assert.fail("nothing was asked for");
      for await (const chunk of stored.read(0, 5))
        assert.equal(Buffer.from(chunk).toString(), "From:");
    });

    test("gives ENVELOPE and structure ready to be sent, in batches", async () => {
      const files = await format.open();
      await using inbox = await inboxOf(files, 3);
      const summaries = (await Array.fromAsync(inbox.summaries(uids(1, 3, 9)))).flat();
      assert.deepEqual(
        summaries.map(({ uid }) => uid),
        [1, 3],
      );
      assert.match(Buffer.from(summaries[1]?.envelope ?? []).toString(), /^\(NIL "3" /);
      assert.match(Buffer.from(summaries[0]?.bodyStructure ?? []).toString(), /^\("TEXT" "PLAIN"/i);
      assert.match(summaries[0]?.emailId ?? "", /^[A-Za-z0-9_-]{1,255}$/);
    });

    test("names the same octets by the same EMAILID and an answer by its first message's THREADID", async () => {
      const files = await format.open();
      const account = await files.account();
      const answer = Buffer.from(
        "Message-ID: <2@example.org>\r\nReferences: <1@example.org> <x@y>\r\n\r\n",
      );
      await account.append("Sent", [
        { octets: [message("1")] },
        { octets: [message("1")] },
        { octets: [answer] },
      ]);
      await using sent = await account.openMailbox("Sent");
      const [first, same, reply] = (await Array.fromAsync(sent.summaries(uids(1, 2, 3)))).flat();
      assert.equal(first?.emailId, same?.emailId);
      assert.notEqual(first?.emailId, reply?.emailId);
      assert.equal(first?.threadId, reply?.threadId);
    });

    test("gives a new message a larger UID than any before, also after an expunge", async () => {
      await using files = await format.openAlone();
      await using inbox = await inboxOf(files, 3);
      await inbox.expunge(uids(3));
      const account = await files.account();
      const { uids: next } = await account.deliver("INBOX", { octets: [message("4")] }, "4");
      assert.deepEqual(next, [4]);
      await files.close();
      const again = await (await files.account()).deliver("INBOX", { octets: [message("5")] }, "5");
      assert.deepEqual(again.uids, [5]);
    });

    test("stores the same hand-over once, also when both come at the same time", async () => {
      await using files = await format.openAlone();
      const account = await files.account();
      const deliver = () => account.deliver("INBOX", { octets: [message("1")] }, "same");
      const [one, other] = await Promise.all([deliver(), deliver()]);
      assert.deepEqual(one, other);
      await files.close();
      const reopened = await files.account();
      assert.deepEqual(await reopened.deliver("INBOX", { octets: [message("1")] }, "same"), one);
      assert.equal((await reopened.status("INBOX")).messages, 1);
    });

    test("numbers concurrent deliveries without a gap and without a double", async () => {
      const files = await format.open();
      const account = await files.account();
      const appended = await Promise.all(
        Array.from({ length: 50 }, (_one, n) =>
          account.deliver("INBOX", { octets: [message(`${n}`)] }, `${n}`),
        ),
      );
      const given = appended.flatMap((one) => one.uids).sort((a, b) => a - b);
      assert.deepEqual(
        given,
        Array.from({ length: 50 }, (_one, n) => n + 1),
      );
      await using inbox = await account.openMailbox("INBOX");
      for (const [
        n,
        {
          uids: [uid],
        },
      ] of appended.entries()) {
        assert.match((await octetsOf(inbox, uid ?? 0)).toString(), new RegExp(`Subject: ${n}\r\n`));
      }
    });

    test("appends several messages with their flags and dates, or none of them", async () => {
      const files = await format.open();
      const account = await files.account();
      const good = {
        octets: [message("1")],
        systemFlags: ["\\Seen", "\\Flagged"],
        keywords: ["$Forwarded"],
        internalDateMs: Date.UTC(2001, 1, 3),
      } as const;
      const bad = { octets: [Buffer.from("a\0b")] };
      await assert.rejects(account.append("Sent", [good, bad]), refusal("bad-message"));
      assert.equal((await account.status("Sent")).messages, 0);
      const { uids: appended } = await account.append("Sent", [good, { octets: [message("2")] }]);
      assert.deepEqual(appended, [1, 2]);
      const { messages } = await snapshotOf(account, "Sent");
      assert.deepEqual(
        messages.map((row) => [row.systemFlags, row.keywords, row.internalDateMs]),
        [
          [10, ["$Forwarded"], Date.UTC(2001, 1, 3)],
          [0, [], messages[1]?.internalDateMs],
        ],
      );
    });

    test("keeps the date of mail that is older than the clock of Unix, also without its index", async () => {
      await using files = await format.openAlone();
      const internalDateMs = Date.UTC(1969, 6, 20, 20, 17);
      await (await files.account()).append("Sent", [{ octets: [message("1")], internalDateMs }]);
      await files.close();
      await files.removeIndex();
      const { messages } = await snapshotOf(await files.account(), "Sent");
      assert.deepEqual(
        messages.map((row) => row.internalDateMs),
        [internalDateMs],
      );
    });

    test("refuses what is too large, what has a NUL, and what has no mailbox", async () => {
      const files = await format.open();
      const account = await files.account();
      const large = { octets: [Buffer.alloc(1024 * 1024 + 1, "x")] };
      await assert.rejects(account.deliver("INBOX", large, "1"), refusal("limit"));
      const nul = { octets: [Buffer.from("a\r\n"), Buffer.from([0])] };
      await assert.rejects(account.deliver("INBOX", nul, "2"), refusal("bad-message"));
      const good = { octets: [message("1")] };
      await assert.rejects(account.deliver("Nowhere", good, "3"), refusal("not-found"));
      await assert.rejects(account.append("Nowhere", [good]), refusal("not-found"));
      assert.equal((await account.status("INBOX")).messages, 0);
    });

    test("stores a NUL that was announced, but not in an mbox, which could lose it", async () => {
      const files = await format.open();
      const account = await files.account();
      const octets = [Buffer.from("Subject: binary\r\n\r\n"), Buffer.from([0, 255, 0])];
      const request = { octets, mayHoldNul: true } as const;
      await account.append("Sent", [{ octets: [message("1")] }]);
      {
        await using sent = await account.openMailbox("Sent");
        if (format.name === "mbox") {
          await assert.rejects(account.append("Sent", [request]), refusal("bad-message"));
          await assert.rejects(
            sent.replace(uids(1)[0] as Uid, "Sent", request),
            refusal("bad-message"),
          );
          return;
        }
        await account.append("Sent", [request]);
        await sent.replace(uids(1)[0] as Uid, "Sent", request);
      }
      await using sent = await account.openMailbox("Sent");
      assert.equal(sent.columns.uids.length, 2);
      for (const uid of sent.columns.uids) {
        assert.deepEqual(await octetsOf(sent, uid), Buffer.concat(octets));
      }
    });

    test("leaves nothing behind when the sender goes away in the middle", async () => {
      const files = await format.open();
      const account = await files.account();
      const gone = new Error("the sender went away");
      async function* half(): AsyncGenerator<Uint8Array> {
        yield Buffer.alloc(300_000, "x");
        throw gone;
      }
      await assert.rejects(account.deliver("INBOX", { octets: half() }, "1"), gone);
      assert.deepEqual(await account.check(), []);
      assert.equal((await account.status("INBOX")).messages, 0);
    });

    test("refuses what is over quota before anything is visible", async () => {
      await using files = await format.openAlone();
      const account = await files.account({ ...ann, quotaMessages: 2, quotaBytes: 1_000 });
      await account.append("Sent", [{ octets: [message("1")] }]);
      const two = [{ octets: [message("2")] }, { octets: [message("3")] }];
      await assert.rejects(account.append("Sent", two), refusal("over-quota"));
      const large = { octets: [message("4", "x".repeat(1_000))] };
      await assert.rejects(account.deliver("INBOX", large, "4"), refusal("over-quota"));
      assert.deepEqual(await account.quota(), {
        bytes: message("1").length,
        messages: 1,
        mailboxes: 6,
        bytesMax: 1_000,
        messagesMax: 2,
      });
      await using sent = await account.openMailbox("Sent");
      await sent.copy(uids(1), "Archive");
      await assert.rejects(sent.copy(uids(1), "Archive"), refusal("over-quota"));
      await sent.move(uids(1), "Trash");
    });

    test("says what changed since the columns that a session saw", async () => {
      const files = await format.open();
      await using inbox = await inboxOf(files, 4);
      const before = inbox.columns;
      await inbox.changeFlags(uids(2), { mode: "add", systemFlags: ["\\Seen"], keywords: [] });
      await inbox.expunge(uids(3));
      await (await files.account()).deliver("INBOX", { octets: [message("5")] }, "5");
      const changes = await inbox.sync(before);
      assert.deepEqual([changes.added, changes.changed, changes.vanished], [[5], [2], [3]]);
      assert.deepEqual([...before.uids], [1, 2, 3, 4], "old columns stay as they were");
      assert.deepEqual(uidsOf(inbox), [1, 2, 4, 5]);
      const nothing = await inbox.sync(inbox.columns);
      assert.deepEqual([nothing.added, nothing.changed, nothing.vanished], [[], [], []]);
    });

    test("adds, removes and replaces flags and keywords, each with a larger modseq", async () => {
      const files = await format.open();
      await using inbox = await inboxOf(files, 2);
      const flagsNow = async () => {
        await inbox.sync(inbox.columns);
        const { systemFlags, keywordSet, keywordSets } = inbox.columns;
        return [systemFlags[0], [...(keywordSets[keywordSet[0] ?? 0] ?? [])].sort()];
      };
      await inbox.changeFlags(uids(1), {
        mode: "add",
        systemFlags: ["\\Seen", "\\Answered"],
        keywords: ["todo", "$MDNSent"],
      });
      assert.deepEqual(await flagsNow(), [9, ["$MDNSent", "todo"]]);
      const modSeq = inbox.highestModSeq;
      await inbox.changeFlags(uids(1), {
        mode: "remove",
        systemFlags: ["\\Answered"],
        keywords: ["TODO", "never"],
      });
      assert.deepEqual(await flagsNow(), [8, ["$MDNSent"]]);
      assert.ok(inbox.highestModSeq > modSeq);
      await inbox.changeFlags(uids(1), { mode: "replace", systemFlags: ["\\Draft"], keywords: [] });
      assert.deepEqual(await flagsNow(), [16, []]);
      const still = inbox.highestModSeq;
      await inbox.changeFlags(uids(1), { mode: "add", systemFlags: ["\\Draft"], keywords: [] });
      await flagsNow();
      assert.equal(inbox.highestModSeq, still, "no change is no new modseq");
    });

    test("leaves alone what changed since UNCHANGEDSINCE, and names it", async () => {
      const files = await format.open();
      await using inbox = await inboxOf(files, 2);
      const seen = inbox.columns.modSeqs[0] ?? 0;
      const change = { mode: "add", systemFlags: ["\\Flagged"], keywords: [] } as const;
      const { modified } = await inbox.changeFlags(uids(1, 2), {
        ...change,
        unchangedSince: seen as never,
      });
      assert.deepEqual(modified, [2]);
      await inbox.sync(inbox.columns);
      assert.deepEqual([...inbox.columns.systemFlags], [2, 0]);
    });

    test("keeps more keywords than there are letters, up to its limit", async () => {
      const files = await format.open();
      await using inbox = await inboxOf(files, 1);
      const many = Array.from({ length: 128 }, (_one, n) => `keyword${n}`);
      await inbox.changeFlags(uids(1), { mode: "add", systemFlags: [], keywords: many });
      await inbox.sync(inbox.columns);
      assert.equal(inbox.columns.keywordSets[inbox.columns.keywordSet[0] ?? 0]?.length, 128);
      await assert.rejects(
        inbox.changeFlags(uids(1), { mode: "add", systemFlags: [], keywords: ["one-more"] }),
        refusal("limit"),
      );
      assert.equal(inbox.keywords.length, 128);
    });

    test("claims each recent message for one session only", async () => {
      const files = await format.open();
      await using inbox = await inboxOf(files, 2);
      const account = await files.account();
      await using looking = await account.openMailbox("INBOX", { readOnly: true });
      assert.deepEqual(await looking.claimRecent(), new Set([1, 2]));
      assert.equal((await account.status("INBOX")).recent, 2);
      assert.deepEqual(await inbox.claimRecent(), new Set([1, 2]));
      assert.deepEqual(await inbox.claimRecent(), new Set());
      assert.equal((await account.status("INBOX")).recent, 0);
    });

    test("copies with flags, keywords and date, and says which UID became which", async () => {
      const files = await format.open();
      await using inbox = await inboxOf(files, 3);
      await inbox.changeFlags(uids(3), {
        mode: "add",
        systemFlags: ["\\Seen"],
        keywords: ["todo"],
      });
      const account = await files.account();
      const copied = await inbox.copy(uids(1, 3, 7), "Archive");
      assert.deepEqual(
        [copied.sourceUids, copied.targetUids],
        [
          [1, 3],
          [1, 2],
        ],
      );
      const source = await snapshotOf(account, "INBOX");
      const target = await snapshotOf(account, "Archive");
      assert.equal(target.uidValidity, copied.uidValidity);
      assert.deepEqual(
        { ...target.messages[1], uid: 3, saveDateMs: 0 },
        { ...source.messages[2], saveDateMs: 0 },
      );
      await using archive = await account.openMailbox("Archive");
      assert.deepEqual(await octetsOf(archive, 2), message("3"));
      await inbox.expunge(uids(3));
      assert.deepEqual(await octetsOf(archive, 2), message("3"), "a copy outlives its source");
      await assert.rejects(inbox.copy(uids(1), "Nowhere"), refusal("not-found"));
    });

    test("moves a message out of one mailbox and into another", async () => {
      const files = await format.open();
      await using inbox = await inboxOf(files, 2);
      const account = await files.account();
      const moved = await inbox.move(uids(2), "Trash");
      assert.deepEqual([moved.sourceUids, moved.targetUids], [[2], [1]]);
      await inbox.sync(inbox.columns);
      assert.deepEqual(uidsOf(inbox), [1]);
      await using trash = await account.openMailbox("Trash");
      assert.deepEqual(await octetsOf(trash, 1), message("2"));
      const [summary] = (await Array.fromAsync(trash.summaries(uids(1)))).flat();
      assert.match(Buffer.from(summary?.envelope ?? []).toString(), /"2"/);
    });

    test("moves within one mailbox under a new UID", async () => {
      const files = await format.open();
      await using inbox = await inboxOf(files, 2);
      const moved = await inbox.move(uids(1), "INBOX");
      assert.deepEqual(moved.targetUids, [3]);
      await inbox.sync(inbox.columns);
      assert.deepEqual(uidsOf(inbox), [2, 3]);
      assert.deepEqual(await octetsOf(inbox, 3), message("1"));
    });

    test("changes nothing in a mailbox that is open read-only", async () => {
      const files = await format.open();
      await using _inbox = await inboxOf(files, 1);
      await using looking = await (await files.account()).openMailbox("INBOX", { readOnly: true });
      const change = { mode: "add", systemFlags: ["\\Seen"], keywords: [] } as const;
      await assert.rejects(looking.changeFlags(uids(1), change), refusal("read-only"));
      await assert.rejects(looking.expunge(uids(1)), refusal("read-only"));
      await assert.rejects(looking.move(uids(1), "Trash"), refusal("read-only"));
      assert.deepEqual((await looking.copy(uids(1), "Trash")).targetUids, [1]);
    });

    test("says gone for a message that was expunged", async () => {
      const files = await format.open();
      await using inbox = await inboxOf(files, 1);
      await inbox.expunge(uids(1));
      await inbox.expunge(uids(1));
      await assert.rejects(inbox.openMessage(uids(1)[0] as Uid), refusal("gone"));
    });

    test("counts what STATUS asks for", async () => {
      const files = await format.open();
      await using inbox = await inboxOf(files, 3);
      await inbox.changeFlags(uids(1), {
        mode: "add",
        systemFlags: ["\\Seen", "\\Deleted"],
        keywords: [],
      });
      await inbox.expunge(uids(3));
      const status = await (await files.account()).status("inbox");
      assert.deepEqual(
        [
          status.messages,
          status.unseen,
          status.deleted,
          status.recent,
          status.uidNext,
          status.sizeBytes,
        ],
        [2, 1, 1, 1, 4, 2 * message("1").length],
      );
      assert.equal(status.mailboxId, inbox.mailboxId);
    });

    test("makes the parents of a mailbox, and refuses names that are taken or cannot be", async () => {
      const files = await format.open();
      const account = await files.account();
      await account.createMailbox("Work/Straße/2026.Q1");
      const names = (await account.listMailboxes()).map(({ name }) => name);
      for (const name of ["Work", "Work/Straße", "Work/Straße/2026.Q1"]) {
        assert.ok(names.includes(name), name);
        await account.append(name, [{ octets: [message("1")] }]);
      }
      await assert.rejects(account.createMailbox("Work"), refusal("exists"));
      await assert.rejects(account.createMailbox("iNbOx"), refusal("exists"));
      for (const name of ["", "/", "a//b", "/a", "x".repeat(300), "\ud800"]) {
        await assert.rejects(account.createMailbox(name), refusal("not-permitted"), name);
      }
      await account.createMailbox("Sent/Later", { specialUse: ["\\All"] });
      await assert.rejects(
        account.createMailbox("Other", { specialUse: ["\\Sent"] }),
        refusal("not-permitted"),
      );
    });

    test("treats names in NFC and NFD as one", async () => {
      const files = await format.open();
      const account = await files.account();
      await account.createMailbox("Cafe\u0301");
      await assert.rejects(account.createMailbox("Caf\u00e9"), refusal("exists"));
      assert.ok((await account.listMailboxes()).some(({ name }) => name === "Caf\u00e9"));
    });

    test("renames a mailbox with its children, messages and ids", async () => {
      const files = await format.open();
      const account = await files.account();
      await account.createMailbox("Work/2025/Q1");
      await account.append("Work/2025/Q1", [{ octets: [message("1")] }]);
      const before = await snapshotOf(account, "Work/2025/Q1");
      await account.createMailbox("Workshop");
      await account.renameMailbox("Work", "Old/Jobs");
      const names = (await account.listMailboxes()).map(({ name }) => name);
      assert.deepEqual(
        names.filter((name) => /Old|Work/.test(name)),
        ["Old", "Old/Jobs", "Old/Jobs/2025", "Old/Jobs/2025/Q1", "Workshop"],
      );
      assert.deepEqual(await snapshotOf(account, "Old/Jobs/2025/Q1"), before);
      await assert.rejects(account.renameMailbox("Work", "New"), refusal("not-found"));
      await assert.rejects(account.renameMailbox("Old", "Sent"), refusal("exists"));
      await assert.rejects(account.renameMailbox("Old", "Old/Below"), refusal("not-permitted"));
    });

    test("renames INBOX by giving its messages away", async () => {
      const files = await format.open();
      await using inbox = await inboxOf(files, 2);
      const account = await files.account();
      await account.createMailbox("INBOX/Below");
      await account.renameMailbox("INBOX", "Saved");
      assert.equal((await snapshotOf(account, "Saved")).messages.length, 2);
      await inbox.sync(inbox.columns);
      assert.deepEqual(uidsOf(inbox), []);
      const names = (await account.listMailboxes()).map(({ name }) => name);
      assert.ok(names.includes("INBOX/Below"));
    });

    test("deletes a mailbox; what is below it stays, and its name is only a parent then", async () => {
      const files = await format.open();
      const account = await files.account();
      await account.createMailbox("Work/2025");
      await account.append("Work", [{ octets: [message("1")] }]);
      const { uidValidity } = await account.status("Work");
      await account.deleteMailbox("Work");
      const work = (await account.listMailboxes()).find(({ name }) => name === "Work");
      assert.equal(work?.exists, false);
      await assert.rejects(account.openMailbox("Work"), refusal("not-found"));
      await assert.rejects(account.deleteMailbox("Work"), refusal("not-permitted"));
      await assert.rejects(account.deleteMailbox("INBOX"), refusal("not-permitted"));
      await assert.rejects(account.deleteMailbox("Nowhere"), refusal("not-found"));
      await account.createMailbox("Work");
      const again = await account.status("Work");
      assert.equal(again.messages, 0);
      assert.ok(again.uidValidity > uidValidity, "a new life has a larger UIDVALIDITY");
    });

    test("tells an open session that its mailbox was deleted", async () => {
      const files = await format.open();
      const account = await files.account();
      await account.createMailbox("Work");
      await using work = await account.openMailbox("Work");
      await account.deleteMailbox("Work");
      await assert.rejects(work.sync(work.columns), refusal("not-found"));
    });

    test("remembers subscriptions, also of names that do not exist", async () => {
      await using files = await format.openAlone();
      const account = await files.account();
      await account.setSubscribed("Later/Über", true);
      await account.setSubscribed("Sent", false);
      await files.close();
      const infos = await (await files.account()).listMailboxes();
      const find = (wanted: string) => infos.find(({ name }) => name === wanted);
      assert.deepEqual(find("Later/Über"), {
        name: "Later/Über",
        mailboxId: "",
        exists: false,
        isSubscribed: true,
        specialUse: [],
      });
      assert.equal(find("Sent")?.isSubscribed, false);
    });

    test("lets one session at a time have the maildrop", async () => {
      const files = await format.open();
      const account = await files.account();
      const first = await account.lockMaildrop();
      assert.ok(first);
      assert.equal(await account.lockMaildrop(), undefined);
      await first[Symbol.asyncDispose]();
      await using again = await account.lockMaildrop();
      assert.ok(again);
    });

    test("wakes whoever watches an account, and nobody who stopped", async () => {
      const files = await format.open();
      const account = await files.account();
      const woken = Promise.withResolvers<void>();
      const stopped = account.onChange(() => assert.fail("this one stopped watching"));
      stopped[Symbol.dispose]();
      using _watching = account.onChange(woken.resolve);
      await account.deliver("INBOX", { octets: [message("1")] }, "1");
      await woken.promise;
    });

    test("removes all mail of an account, for good", async () => {
      await using files = await format.openAlone();
      const account = await files.account();
      await account.deliver("INBOX", { octets: [message("1")] }, "1");
      await (await files.store).removeAccount(ann);
      assert.equal((await (await files.account()).status("INBOX")).messages, 0);
    });

    test("does not show one account's mail to another that has its address", async () => {
      await using files = await format.openAlone();
      await (await files.account()).deliver("INBOX", { octets: [message("1")] }, "1");
      await files.close();
      await assert.rejects(
        files.account({ id: "somebody-else", address: ann.address }),
        refusal("unavailable"),
      );
    });

    test("keeps every account and mailbox inside the mail directory, whatever its name", async () => {
      await using files = await format.openAlone();
      const account = await files.account({ id: "x", address: "../../etc@../evil" });
      await account.createMailbox("../../etc/passwd");
      await account.append("../../etc/passwd", [{ octets: [message("1")] }]);
      assert.ok((await account.listMailboxes()).some(({ name }) => name === "../../etc/passwd"));
      const domains = (await readdir(files.mailDirectory)).filter((name) => !name.startsWith("."));
      assert.deepEqual(domains, ["%2E.%2Fevil"]);
      assert.deepEqual(await readdir(join(files.mailDirectory, "%2E.%2Fevil")), [
        "%2E.%2F..%2Fetc",
      ]);
    });
  });
}
