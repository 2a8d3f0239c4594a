import assert from "node:assert/strict";
import { test } from "node:test";
import { StoreError } from "@posthouse/mailbox-store";
import { detailOf, mailboxFor, nulRule } from "../src/filing.ts";

const mail = (names: readonly (readonly [string, "\\Junk"?])[]) => {
  const made: string[] = [];
  return {
    made,
    listMailboxes: async () =>
      names.map(([name, use]) => ({
        name,
        mailboxId: "",
        exists: true,
        isSubscribed: true,
        specialUse: use === undefined ? [] : [use],
      })),
    createMailbox: async (name: string) => {
      if (names.some(([one]) => one === name)) throw new StoreError("exists", "It is there");
      made.push(name);
    },
  };
};

const cases = [
  { name: "nothing is said", into: undefined, there: [["INBOX"]], is: "INBOX", made: [] },
  {
    name: "junk, where it is called Junk",
    into: "junk",
    there: [["Junk", "\\Junk"]],
    is: "Junk",
    made: [],
  },
  {
    name: "junk, where it is called Spam",
    into: "junk",
    there: [["Spam", "\\Junk"]],
    is: "Spam",
    made: [],
  },
  {
    name: "junk, where it was removed",
    into: "junk",
    there: [["INBOX"]],
    is: "Junk",
    made: ["Junk"],
  },
  {
    name: "junk, where its use was taken away",
    into: "junk",
    there: [["Junk"]],
    is: "Junk",
    made: [],
  },
  { name: "rejects", into: "rejects", there: [["INBOX"]], is: "Rejects", made: ["Rejects"] },
  {
    name: "rejects that are there",
    into: "rejects",
    there: [["Rejects"]],
    is: "Rejects",
    made: [],
  },
  { name: "a word of a later version", into: "attic", there: [["INBOX"]], is: "INBOX", made: [] },
] as const;
for (const { name, into, there, is, made } of cases) {
  test(`mailboxFor(): ${name}`, async () => {
    const account = mail(there);
    const verdicts = into === undefined ? {} : { "file-into": into };
    assert.equal(await mailboxFor(account, { verdicts }), is);
    assert.deepEqual(account.made, made);
  });
}

const details = [
  { name: "a mailbox of that name", detail: "lists", there: [["INBOX"], ["Lists"]], is: "Lists" },
  { name: "one below another", detail: "lists/dev", there: [["Lists/Dev"]], is: "Lists/Dev" },
  { name: "no such mailbox", detail: "shop", there: [["INBOX"]], is: "INBOX" },
  { name: "one with a use of its own", detail: "spam", there: [["Spam", "\\Junk"]], is: "INBOX" },
  { name: "none", detail: undefined, there: [["Lists"]], is: "INBOX" },
] as const;
for (const { name, detail, there, is } of details) {
  test(`mailboxFor() with a detail of the address: ${name}`, async () => {
    assert.equal(await mailboxFor(mail(there), { verdicts: {} }, detail), is);
  });
}

test("mailboxFor() puts junk into Junk, whatever the address says", async () => {
  const account = mail([["Lists"], ["Junk", "\\Junk"]]);
  assert.equal(await mailboxFor(account, { verdicts: { "file-into": "junk" } }, "lists"), "Junk");
});

const addresses = [
  ["ann+lists@example.org", "lists"],
  ["ann+a+b@example.org", "a+b"],
  ["ann@example.org", undefined],
  ["ann+@example.org", undefined],
  ["+ann@example.org", undefined],
  ["postmaster", undefined],
] as const;
for (const [address, detail] of addresses) {
  test(`detailOf() ${address} is ${detail ?? "nothing"}`, () => {
    assert.equal(detailOf(address, "+"), detail);
  });
}

test("nulRule() lets a NUL in where it was announced, and never into an mbox", () => {
  assert.deepEqual(nulRule({ body: "BINARYMIME" }, {}), { mayHoldNul: true });
  assert.deepEqual(nulRule({ body: "BINARYMIME" }, { format: "mbox" }), {});
  assert.deepEqual(nulRule({ body: "8BITMIME" }, {}), {});
});
