import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import fc from "fast-check";
import {
  type AccountMail,
  type AppendRequest,
  type Mailbox,
  type ModSeq,
  StoreError,
  type StoreErrorCode,
  type Uid,
  type UidRange,
} from "../src/index.ts";
import { ann, message, octetsOf, snapshotOf, TestStore, uidsOf } from "./store-for-tests.ts";

/** What every format must do beyond contract.test.ts: extensions of IMAP, and what is not in messages. */
const formats = [{ name: "maildir", open: () => TestStore.open() }];

function refusal(code: StoreErrorCode): (error: unknown) => boolean {
  return (error) => error instanceof StoreError && error.code === code;
}

function uids(...numbers: number[]): Uid[] {
  return numbers as Uid[];
}

function range(first: number, last = first): UidRange {
  return { first: first as Uid, last: last as Uid };
}

async function append(account: AccountMail, name: string, ...subjects: string[]): Promise<void> {
  await account.append(
    name,
    subjects.map((subject) => ({ octets: [message(subject)] })),
  );
}

async function sentOf(files: TestStore, count: number): Promise<[AccountMail, Mailbox]> {
  const account = await files.account();
  await append(account, "Sent", ...Array.from({ length: count }, (_one, n) => `${n + 1}`));
  return [account, await account.openMailbox("Sent")];
}

async function changes(mailbox: Mailbox, modSeq: number, knownUids?: readonly UidRange[]) {
  const found = await mailbox.changesSince(
    modSeq as ModSeq,
    knownUids === undefined ? {} : { knownUids },
  );
  return {
    changed: [...found.uids],
    vanished: found.vanished.map(({ first, last }) => [first, last]),
    isHistoryWhole: found.isHistoryWhole,
  };
}

for (const format of formats) {
  void describe(`an account kept as ${format.name}, and its extensions`, { concurrency: 4 }, () => {
    test("tells what changed and what vanished since a modseq", async () => {
      await using files = await format.open();
      const [account, sent] = await sentOf(files, 9);
      await using _sent = sent;
      const before = sent.highestModSeq;
      await sent.changeFlags(uids(2), { mode: "add", systemFlags: ["\\Seen"], keywords: [] });
      const between = (await account.status("Sent")).highestModSeq;
      await sent.expunge([range(4, 5), range(7)]);
      await append(account, "Sent", "10");
      const all = {
        changed: [2, 10],
        vanished: [
          [4, 5],
          [7, 7],
        ],
        isHistoryWhole: true,
      };
      assert.deepEqual(await changes(sent, before), all);
      assert.deepEqual(await changes(sent, between), { ...all, changed: [10] });
      assert.deepEqual(await changes(sent, between, [range(1, 4), range(6, 8)]), {
        changed: [],
        vanished: [
          [4, 4],
          [7, 7],
        ],
        isHistoryWhole: true,
      });
      const { highestModSeq, modSeqs } = await sent.changesSince(before as ModSeq);
      assert.deepEqual(await changes(sent, highestModSeq), {
        changed: [],
        vanished: [],
        isHistoryWhole: true,
      });
      assert.ok(modSeqs.every((modSeq) => modSeq > before && modSeq <= highestModSeq));
    });

    test("tells all that is not there as vanished when the history is lost", async () => {
      await using files = await format.open();
      const [, sent] = await sentOf(files, 6);
      await sent.expunge(uids(1, 3, 6));
      const modSeq = sent.highestModSeq;
      await sent[Symbol.asyncDispose]();
      await files.close();
      await files.removeIndex();
      await using again = await (await files.account()).openMailbox("Sent");
      const { changed, vanished, isHistoryWhole } = await changes(again, modSeq);
      assert.deepEqual(
        [changed, vanished.slice(0, 2), isHistoryWhole],
        [
          [2, 4, 5],
          [
            [1, 1],
            [3, 3],
          ],
          false,
        ],
      );
      assert.deepEqual(vanished.at(-1), [6, again.uidNext - 1]);
    });

    test("tells exactly what a client has to learn, whatever was done meanwhile", async () => {
      await using files = await format.open();
      const [account, sent] = await sentOf(files, 5);
      await using _sent = sent;
      const step = fc.record({ do: fc.constantFrom("flag", "expunge", "append"), at: fc.nat(20) });
      await fc.assert(
        fc.asyncProperty(fc.array(step, { maxLength: 6 }), async (steps) => {
          const { after } = await sent.sync(sent.columns);
          const modSeq = sent.highestModSeq;
          for (const [n, { do: what, at }] of steps.entries()) {
            await sent.sync(sent.columns);
            const uid = uidsOf(sent)[at % Math.max(uidsOf(sent).length, 1)];
            if (what === "append" || uid === undefined) await append(account, "Sent", `more ${n}`);
            else if (what === "expunge") await sent.expunge([range(uid)]);
            else
              await sent.changeFlags(uids(uid), {
                mode: "replace",
                systemFlags: [],
                keywords: [`k${at}`],
              });
          }
          const told = await sent.changesSince(modSeq as ModSeq);
          const vanished = new Set(
            told.vanished.flatMap(({ first, last }) =>
              Array.from({ length: last - first + 1 }, (_one, n) => first + n),
            ),
          );
          const client = new Set([...after.uids].filter((uid) => !vanished.has(uid)));
          for (const uid of told.uids) client.add(uid);
          assert.deepEqual(
            [...client].sort((a, b) => a - b),
            uidsOf(sent),
          );
        }),
        { numRuns: 10 },
      );
    });

    test("takes messages one after the other, and none when a later one fails", async () => {
      await using files = await format.open();
      const account = await files.account();
      const asked: number[] = [];
      async function* requests(count: number): AsyncGenerator<AppendRequest> {
        for (let n = 1; n <= count; n += 1) {
          asked.push(n);
          yield { octets: [message(`${n}`)] };
        }
        if (count === 3) throw new Error("the client went away");
      }
      await assert.rejects(account.append("Sent", requests(3)), /the client went away/);
      assert.equal((await account.status("Sent")).messages, 0);
      const { uids: given } = await account.append("Sent", requests(4));
      assert.deepEqual(
        given.map((uid) => uid - (given[0] ?? 0)),
        [0, 1, 2, 3],
      );
      assert.deepEqual(asked, [1, 2, 3, 1, 2, 3, 4]);
    });

    test("expunges ranges that come in any order, and with ifDeleted only what is \\Deleted", async () => {
      await using files = await format.open();
      const [, sent] = await sentOf(files, 8);
      await using _sent = sent;
      await sent.expunge([range(7, 6), range(2), range(900, 1_000)]);
      await sent.sync(sent.columns);
      assert.deepEqual(uidsOf(sent), [1, 3, 4, 5, 8]);
      await sent.changeFlags(uids(3, 8), { mode: "add", systemFlags: ["\\Deleted"], keywords: [] });
      await sent.expunge([range(1, 5)], { ifDeleted: true });
      await sent.expunge([]);
      await sent.sync(sent.columns);
      assert.deepEqual(uidsOf(sent), [1, 4, 5, 8]);
    });

    test("replaces a message by another, or leaves all as it was", async () => {
      await using files = await format.open();
      const account = await files.account({ ...ann, quotaMessages: 2 });
      await append(account, "Drafts", "draft", "other");
      await using drafts = await account.openMailbox("Drafts");
      const better = { octets: [message("better")], keywords: ["todo"] };
      const { uids: given } = await drafts.replace(uids(1)[0] as Uid, "Drafts", better);
      await drafts.sync(drafts.columns);
      assert.deepEqual(uidsOf(drafts), [2, ...given]);
      assert.deepEqual(await octetsOf(drafts, given[0] ?? 0), message("better"));
      await assert.rejects(drafts.replace(uids(1)[0] as Uid, "Drafts", better), refusal("gone"));
      await assert.rejects(
        drafts.replace(uids(2)[0] as Uid, "Nowhere", better),
        refusal("not-found"),
      );
      const nul = { octets: [Buffer.from([0])] };
      await assert.rejects(
        drafts.replace(uids(2)[0] as Uid, "Drafts", nul),
        refusal("bad-message"),
      );
      await using looking = await account.openMailbox("Drafts", { readOnly: true });
      await assert.rejects(
        looking.replace(uids(2)[0] as Uid, "Drafts", better),
        refusal("read-only"),
      );
      await drafts.replace(uids(2)[0] as Uid, "Sent", better);
      await drafts.sync(drafts.columns);
      assert.deepEqual(uidsOf(drafts), given);
      assert.equal((await account.status("Sent")).messages, 1);
      assert.deepEqual(await account.check(), []);
    });

    test("keeps annotations of mailboxes and of the account, each user's own apart", async () => {
      await using files = await format.open();
      const account = await files.account();
      const set = (entry: string, text: string, user?: string) =>
        account.setAnnotations(
          "Sent",
          [{ entry, value: Buffer.from(text) }],
          user === undefined ? {} : { user },
        );
      await set("/private/Comment", "mine");
      await set("/private/comment", "bob's", "bob");
      await set("/shared/comment", "all", "bob");
      await set("/shared/vendor/x/y", "deep");
      const ask = async (entries: string[], more: object = {}) => {
        const { found } = await account.annotations("Sent", { entries, ...more });
        return found.map(({ entry, value }) => [entry, String(Buffer.from(value))]);
      };
      assert.deepEqual(await ask(["/PRIVATE/comment"]), [["/private/comment", "mine"]]);
      assert.deepEqual(await ask(["/private/comment"], { user: "bob" }), [
        ["/private/comment", "bob's"],
      ]);
      assert.deepEqual(await ask(["/shared"], { depth: 1 }), [["/shared/comment", "all"]]);
      assert.equal((await ask(["/shared", "/private"], { depth: "infinity" })).length, 3);
      const small = await account.annotations("Sent", {
        entries: ["/shared"],
        depth: "infinity",
        valueOctetsMax: 3,
      });
      assert.deepEqual([small.found.length, small.largestLeftOutOctets], [1, 4]);
      await account.setAnnotations("Sent", [{ entry: "/private/comment" }]);
      assert.deepEqual(await ask(["/private/comment"]), []);

      await account.setAnnotations(undefined, [
        { entry: "/shared/comment", value: Buffer.alloc(0) },
      ]);
      await account.renameMailbox("Sent", "Out");
      await files.close();
      await files.removeIndex();
      const again = await files.account();
      const out = await again.annotations("Out", { entries: ["/shared"], depth: "infinity" });
      assert.equal(out.found.length, 2);
      const server = await again.annotations(undefined, { entries: ["/shared/comment"] });
      assert.deepEqual(server.found, [{ entry: "/shared/comment", value: Buffer.alloc(0) }]);
      await again.deleteMailbox("Out");
      await again.createMailbox("Out");
      assert.deepEqual(
        (await again.annotations("Out", { entries: ["/shared/comment"] })).found,
        [],
      );
    });

    test("sets several annotations or none, and refuses what cannot be one", async () => {
      await using files = await format.open();
      const account = await files.account();
      const good = { entry: "/private/comment", value: Buffer.from("x") };
      const large = { entry: "/private/vendor/a/b", value: Buffer.alloc(70_000) };
      await assert.rejects(account.setAnnotations("Sent", [good, large]), refusal("limit"));
      const many = Array.from({ length: 101 }, (_one, n) => ({
        ...good,
        entry: `/private/vendor/a/${n}`,
      }));
      await assert.rejects(account.setAnnotations("Sent", many), refusal("limit"));
      for (const entry of [
        "/private",
        "comment",
        "/other/x",
        "/private//x",
        "/private/x/",
        "/private/*",
        "/private/é",
        "/private/%",
      ]) {
        const wrong = account.setAnnotations("Sent", [good, { ...good, entry }]);
        await assert.rejects(wrong, refusal("not-permitted"), entry);
      }
      await assert.rejects(account.setAnnotations("Nowhere", [good]), refusal("not-found"));
      const { found } = await account.annotations("Sent", {
        entries: ["/private"],
        depth: "infinity",
      });
      assert.deepEqual(found, []);
    });

    test("keeps any value of any user through a rebuild", async () => {
      await using files = await format.open();
      const account = await files.account();
      const user = fc
        .string({ unit: "grapheme", minLength: 1, maxLength: 20 })
        .filter((one) => !/\p{Cc}/u.test(one));
      await fc.assert(
        fc.asyncProperty(user, fc.uint8Array({ maxLength: 300 }), async (one, octets) => {
          await account.setAnnotations("Sent", [{ entry: "/private/comment", value: octets }], {
            user: one,
          });
          await account.setAnnotations("Sent", [{ entry: "/private/comment" }]);
          const path = join(files.annPath, ".Sent", "posthouse-mailbox");
          // Touched by an editor: read again from the file.
          await writeFile(path, await readFile(path));
          const { found } = await account.annotations("Sent", {
            entries: ["/private/comment"],
            user: one,
          });
          assert.deepEqual(
            found.map(({ value }) => Buffer.from(value)),
            [Buffer.from(octets)],
          );
          await account.setAnnotations("Sent", [{ entry: "/private/comment" }], { user: one });
        }),
        { numRuns: 15 },
      );
    });

    test("keeps rights of identifiers, added, removed and replaced", async () => {
      await using files = await format.open();
      const account = await files.account();
      await account.setRights("Sent", "bob", { mode: "replace", rights: "srl" });
      await account.setRights("Sent", "bob", { mode: "add", rights: "wl" });
      await account.setRights("Sent", "bob", { mode: "remove", rights: "s" });
      await account.setRights("Sent", "-Zoë w", { mode: "add", rights: "x" });
      const rows = [
        { identifier: "-Zoë w", rights: "x" },
        { identifier: "bob", rights: "lrw" },
      ];
      assert.deepEqual(await account.rights("Sent"), rows);
      await files.close();
      await files.removeIndex();
      const again = await files.account();
      assert.deepEqual(await again.rights("Sent"), rows);
      await again.setRights("Sent", "bob", { mode: "replace", rights: "" });
      assert.deepEqual(await again.rights("Sent"), rows.slice(0, 1));
      for (const identifier of ["", "a\nb", "\ud800"]) {
        const wrong = again.setRights("Sent", identifier, { mode: "add", rights: "l" });
        await assert.rejects(wrong, refusal("not-permitted"));
      }
      await assert.rejects(
        again.setRights("Sent", "bob", { mode: "add", rights: "L" }),
        refusal("not-permitted"),
      );
    });

    test("gives a mailbox another use, which no other has", async () => {
      await using files = await format.open();
      const account = await files.account();
      await account.createMailbox("Gesendet");
      await assert.rejects(account.setSpecialUse("Gesendet", ["\\Sent"]), refusal("not-permitted"));
      await account.setSpecialUse("Sent", []);
      await account.setSpecialUse("Gesendet", ["\\Sent", "\\Sent"]);
      await files.close();
      await files.removeIndex();
      const infos = await (await files.account()).listMailboxes();
      const useOf = (name: string) => infos.find((info) => info.name === name)?.specialUse;
      assert.deepEqual([useOf("Sent"), useOf("Gesendet")], [[], ["\\Sent"]]);
    });

    test("refuses a mailbox over quota, and counts what there is", async () => {
      await using files = await format.open();
      const account = await files.account({ ...ann, quotaMailboxes: 7 });
      await assert.rejects(account.createMailbox("Work/Plans"), refusal("over-quota"));
      await account.createMailbox("Work");
      await assert.rejects(account.createMailbox("Other"), refusal("over-quota"));
      const { mailboxes, mailboxesMax } = await account.quota();
      assert.deepEqual([mailboxes, mailboxesMax], [7, 7]);
      assert.equal((await snapshotOf(account, "Work")).messages.length, 0);
    });
  });
}
