import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { type Mailbox, openMailStore, type Uid } from "@posthouse/mailbox-store";
import { compareCasemapped, sortFields } from "@posthouse/message";
import { UserMail } from "../src/mailboxes/user-mail.ts";
import { SelectedMailbox } from "../src/selected-mailbox.ts";
import { type SortCriterion, type SortKey, sortMessages } from "../src/sort/sort-messages.ts";
import { TestAuth } from "./imap-server.ts";

const output = { pace: async (): Promise<void> => {} };
const names = ["ann", "Bob", "Änne", "zoe", ""];

function messageOf(number: number): Buffer {
  const pick = (step: number): string => names[(number * step) % names.length] ?? "";
  const date = new Date(1e12 + ((number * 7_919) % 13) * 1e9).toUTCString();
  const fields = [
    `From: ${pick(3)} <${pick(1)}@example.org>`,
    `To: ${pick(2)}@example.org`,
    `Cc: =?utf-8?q?${encodeURI(pick(4)).replaceAll("%", "=")}?= <x${number % 3}@example.org>`,
    number % 4 === 0 ? "X-Date: none" : `Date: ${date}`,
    `Subject: ${number % 2 === 0 ? "Re: " : ""}${pick(7)} ${number % 5}`,
  ];
  return Buffer.from(`${fields.join("\r\n")}\r\n\r\n${"x".repeat(number % 7)}\r\n`);
}

/** RFC 5256 §3, one comparison after the other. */
function modelOf(mailbox: Mailbox, octets: readonly Buffer[], order: readonly SortCriterion[]) {
  const { uids, sizes, internalDatesMs } = mailbox.columns;
  const fields = Array.from(uids, (uid) => sortFields(octets[uid - 1] ?? Buffer.alloc(0)));
  const texts = { CC: "cc", FROM: "from", TO: "to", SUBJECT: "subject" } as const;
  const shown = { DISPLAYFROM: "displayFrom", DISPLAYTO: "displayTo" } as const;
  const textField: Partial<Record<SortKey, string>> = {
    ...texts,
    ...shown,
  };
  const compareBy = (key: SortKey, one: number, other: number): number => {
    const date = (at: number): number => fields[at]?.sentMs ?? internalDatesMs[at] ?? 0;
    if (key === "DATE") return date(one) - date(other);
    if (key === "ARRIVAL") return (internalDatesMs[one] ?? 0) - (internalDatesMs[other] ?? 0);
    if (key === "SIZE") return (sizes[one] ?? 0) - (sizes[other] ?? 0);
    const field = textField[key] as "subject";
    return compareCasemapped(fields[one]?.[field] ?? "", fields[other]?.[field] ?? "");
  };
  return [...uids.keys()]
    .sort((one, other) => {
      for (const { key, isReverse } of order) {
        const difference = compareBy(key, one, other) * (isReverse ? -1 : 1);
        if (difference !== 0) return difference;
      }
      return one - other;
    })
    .map((at) => uids[at]);
}

const orders: readonly (readonly SortCriterion[])[] = [
  ...(["ARRIVAL", "CC", "DATE", "DISPLAYFROM", "DISPLAYTO"] as const),
  ...(["FROM", "SIZE", "SUBJECT", "TO"] as const),
].flatMap((key) => [
  [{ key, isReverse: false }],
  [{ key, isReverse: true }],
  [
    { key: "SUBJECT", isReverse: true },
    { key, isReverse: false },
  ],
]);

test("SORT orders as a plain comparison does, also after messages came and went", async () => {
  const mailDirectory = await mkdtemp(join(tmpdir(), "sort-messages-"));
  const store = await openMailStore({
    mailDirectory,
    messageBytesMax: 1_000_000,
    host: "mx.example.org",
    log: () => undefined,
  });
  try {
    const ann = { id: "ann", address: "ann@example.org" };
    await using account = await store.openAccount(ann);
    const config = { imap: { restoreNamespace: false }, retention: { expungedDays: 0 } };
    const mail = new UserMail(account, ann, { auth: new TestAuth(), store, config });
    const octets = Array.from({ length: 60 }, (_, at) => messageOf(at));
    const append = (from: number, to: number) =>
      account.append(
        "INBOX",
        octets.slice(from, to).map((one, at) => ({
          octets: [one],
          internalDateMs: 1e12 + ((at * 31) % 17) * 1e9,
        })),
      );
    await append(0, 40);
    await using selected = await SelectedMailbox.open(await mail.openMailbox("INBOX"));
    const checkAll = async (): Promise<void> => {
      await selected.refresh();
      const { uids } = selected.view.columns;
      for (const order of orders) {
        const sorted = await sortMessages(selected, uids, order, output);
        assert.deepEqual([...sorted], modelOf(selected.mailbox, octets, order), order[0]?.key);
      }
    };
    await checkAll();
    await append(40, 60);
    await selected.mailbox.expunge([3, 17, 40, 60] as Uid[]);
    await checkAll();
    // Few of many are read by themselves.
    const few = Uint32Array.of(5, 9, 50);
    const [date] = [{ key: "DATE", isReverse: false }] as const;
    const all = modelOf(selected.mailbox, octets, [date]);
    assert.deepEqual(
      [...(await sortMessages(selected, few, [date], output))],
      all.filter((uid) => few.includes(uid ?? 0)),
    );
  } finally {
    await store[Symbol.asyncDispose]();
    await rm(mailDirectory, { recursive: true, force: true });
  }
});
