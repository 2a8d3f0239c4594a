import assert from "node:assert/strict";
import { test } from "node:test";
import { unicodeCasemap } from "@posthouse/message";
import fc from "fast-check";
import type { AccountMail, Mailbox, TextCriterion } from "../src/index.ts";
import { TestStore } from "./store-for-tests.ts";
import { type WrittenMessage, writtenMessage } from "./written-message.ts";

/** As the README has it: i;unicode-casemap, and line ends alike. */
const folded = (text: string): string =>
  unicodeCasemap(text.toWellFormed()).replaceAll("\r\n", "\n");

/** What a search should find, from what the message's writer meant. */
function says(message: WrittenMessage, criterion: TextCriterion): boolean {
  if (criterion.kind === "sent") return false;
  const wanted = folded(criterion.text);
  const isIn = (text: string): boolean => folded(text).includes(wanted);
  switch (criterion.kind) {
    case "envelope":
      return isIn(message.subject);
    case "header":
      return message.fields.some(
        ([name, text]) => name.toLowerCase() === criterion.field.toLowerCase() && isIn(text),
      );
    case "body":
      return wanted === "" || message.body.some(isIn);
    case "text":
      return (
        wanted === "" ||
        message.body.some(isIn) ||
        message.mime.some(isIn) ||
        message.fields.some(([name, text]) => isIn(`${name}:${text}`))
      );
  }
}

/** Mostly what is there, in another case; now and then what is not. */
function needleIn(messages: readonly WrittenMessage[]): fc.Arbitrary<string> {
  const texts = messages.flatMap(({ subject, fields, body, mime }) => [
    subject,
    ...fields.map(([, text]) => text),
    ...body,
    ...mime,
  ]);
  const slice = fc
    .tuple(fc.constantFrom(...texts), fc.nat(), fc.integer({ min: 0, max: 12 }), fc.nat(2))
    .map(([text, from, length, how]) => {
      const characters = Array.from(text);
      const start = from % (characters.length + 1);
      const found = characters.slice(start, start + length).join("");
      return how === 0 ? found : how === 1 ? found.toLowerCase() : found.toUpperCase();
    })
    // Half of a character that was composed is not in the composed text.
    .filter((text) => !/^[\p{M}\ud800-\udfff]|[\r\n]$|^\n/u.test(text) && !text.endsWith("e"));
  return fc.oneof({ arbitrary: slice, weight: 5 }, fc.string({ minLength: 1, maxLength: 4 }));
}

const scenario = fc
  .array(writtenMessage, { minLength: 1, maxLength: 5 })
  .chain((messages) =>
    fc.tuple(fc.constant(messages), fc.array(needleIn(messages), { minLength: 1, maxLength: 6 })),
  );

function criteriaFor(text: string): TextCriterion[] {
  return [
    { kind: "text", text },
    { kind: "body", text },
    { kind: "header", field: "x-note", text },
    { kind: "header", field: "Subject", text },
    { kind: "envelope", field: "subject", text },
  ];
}

async function found(mailbox: Mailbox, criterion: TextCriterion): Promise<number[]> {
  const batches = await Array.fromAsync(
    mailbox.search(criterion, [...mailbox.columns.uids] as never),
  );
  return batches.flat();
}

async function check(
  account: AccountMail,
  name: string,
  messages: readonly WrittenMessage[],
  needles: readonly string[],
): Promise<void> {
  await account.createMailbox(name);
  await account.append(
    name,
    messages.map(({ octets }) => ({ octets: [octets] })),
  );
  await using mailbox = await account.openMailbox(name);
  const criteria = needles.flatMap(criteriaFor);
  const expected = criteria.map((criterion) =>
    messages.flatMap((message, at) => (says(message, criterion) ? [at + 1] : [])),
  );
  const askAll = () => Promise.all(criteria.map((criterion) => found(mailbox, criterion)));
  const plain = await askAll();
  for (const [at, criterion] of criteria.entries()) {
    assert.deepEqual(plain[at], expected[at], `read: ${JSON.stringify(criterion)}`);
  }
  await account.fillSearchText();
  const filled = await askAll();
  for (const [at, criterion] of criteria.entries()) {
    assert.deepEqual(filled[at], expected[at], `filled: ${JSON.stringify(criterion)}`);
  }
}

test("a search finds what the writers meant, with the search text and without", async () => {
  await using files = await TestStore.open();
  const account = await files.account();
  let runs = 0;
  await fc.assert(
    fc.asyncProperty(scenario, async ([messages, needles]) => {
      runs += 1;
      await check(account, `Run${runs}`, messages, needles);
    }),
    { numRuns: 40, endOnFailure: true },
  );
});
