import assert from "node:assert/strict";
import { test } from "node:test";
import { StoreError } from "@posthouse/mailbox-store";
import { mailboxFor } from "../src/filing.ts";

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
