import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Forest } from "./forest.ts";
import { orderedSubject } from "./ordered-subject.ts";
import { references, refs } from "./references.ts";
import type { ThreadedMessages } from "./threaded-messages.ts";
import { writeThreads } from "./write-threads.ts";

/** A message as THREAD sees it; identifiers and subjects are numbers from 1 on, 0 for none. */
interface Message {
  readonly id: number;
  readonly references: readonly number[];
  readonly subject: number;
  readonly isReply: boolean;
  readonly date: number;
}

const pace = async (): Promise<void> => {};

function columnsOf(messages: readonly Message[]): ThreadedMessages {
  const { length } = messages;
  const counts = messages.map((message) => message.references.length);
  const starts: number[] = [];
  let start = 0;
  for (const count of counts) {
    starts.push(start);
    start += count;
  }
  return {
    length,
    sentMs: Float64Array.from(messages, ({ date }) => date),
    subjects: Uint32Array.from(messages, ({ subject }) => subject),
    subjectCount: Math.max(0, ...messages.map(({ subject }) => subject)) + 1,
    isReply: Uint8Array.from(messages, ({ isReply }) => (isReply ? 1 : 0)),
    messageIds: Uint32Array.from(messages.flatMap(({ id }) => [0, id])),
    references: Uint32Array.from(
      messages.flatMap((message) => message.references.flatMap((id) => [0, id])),
    ),
    referencesStart: Uint32Array.from(starts),
    referencesCount: Uint32Array.from(counts),
  };
}

async function threaded(
  messages: readonly Message[],
  algorithm: typeof references = references,
): Promise<string> {
  const columns = columnsOf(messages);
  const byDate = Uint32Array.from(columns.sentMs.keys()).sort(
    (one, other) =>
      (columns.sentMs[one] as number) - (columns.sentMs[other] as number) || one - other,
  );
  const forest: Forest = await algorithm(columns, byDate, pace);
  let text = "";
  const write = (piece: string): void => {
    text += piece;
  };
  const numbers = Uint32Array.from(messages, (_, row) => row + 1);
  await writeThreads(forest, numbers, { write, pace });
  return text.replace(/^\* THREAD ?|\r\n$/g, "");
}

/** A container of the model: a message by its row, or a dummy. */
interface Container {
  readonly row: number | undefined;
  parent: Container | undefined;
  children: Container[];
}

/** RFC 5256 §3, REFERENCES, word by word and with no regard to speed. */
function modelOfReferences(messages: readonly Message[]): string {
  const containers = new Map<number, Container>();
  const own: Container[] = messages.map((_, row) => ({ row, parent: undefined, children: [] }));
  for (const [row, { id }] of messages.entries()) {
    if (id !== 0 && !containers.has(id)) containers.set(id, own[row] as Container);
  }
  const find = (id: number): Container => {
    const known = containers.get(id) ?? { row: undefined, parent: undefined, children: [] };
    containers.set(id, known);
    return known;
  };
  const unlink = (child: Container): void => {
    if (child.parent === undefined) return;
    child.parent.children = child.parent.children.filter((one) => one !== child);
    child.parent = undefined;
  };
  const link = (parent: Container, child: Container): void => {
    for (let above: Container | undefined = parent; above; above = above.parent) {
      if (above === child) return;
    }
    child.parent = parent;
    parent.children.push(child);
  };
  for (const [row, message] of messages.entries()) {
    const chain = message.references.map(find);
    for (const [at, child] of chain.entries()) {
      const parent = chain[at - 1];
      if (parent !== undefined && child.parent === undefined) link(parent, child);
    }
    const container = own[row] as Container;
    unlink(container);
    const last = chain.at(-1);
    if (last !== undefined) link(last, container);
  }
  const all = new Set([...own, ...containers.values()]);
  const prune = (siblings: readonly Container[], isRoot: boolean): Container[] =>
    siblings.flatMap((one) => {
      one.children = prune(one.children, false);
      if (one.row !== undefined) return [one];
      return isRoot && one.children.length > 1 ? [one] : one.children;
    });
  let roots = prune(
    [...all].filter(({ parent }) => parent === undefined),
    true,
  );
  const firstRow = (one: Container): number =>
    one.row ?? (byDate(one.children)[0] as Container).row ?? -1;
  const byDate = (siblings: readonly Container[]): Container[] =>
    siblings.toSorted((one, other) => {
      const [a, b] = [firstRow(one), firstRow(other)];
      return (messages[a]?.date ?? 0) - (messages[b]?.date ?? 0) || a - b;
    });
  roots = byDate(roots);
  const subjectOf = (one: Container): number => messages[firstRow(one)]?.subject ?? 0;
  const isReply = (one: Container): boolean =>
    one.row !== undefined && messages[one.row]?.isReply === true;
  const table = new Map<number, Container>();
  for (const one of roots) {
    const subject = subjectOf(one);
    if (subject === 0) continue;
    const known = table.get(subject);
    const isBetter =
      known?.row !== undefined && (one.row === undefined || (isReply(known) && !isReply(one)));
    if (known === undefined || isBetter) table.set(subject, one);
  }
  for (const one of roots) {
    const subject = subjectOf(one);
    const known = table.get(subject);
    if (subject === 0 || known === undefined || known === one) continue;
    roots = roots.filter((root) => root !== one);
    if (known.row === undefined && one.row === undefined) known.children.push(...one.children);
    else if (known.row === undefined || (isReply(one) && !isReply(known))) known.children.push(one);
    else {
      const dummy: Container = { row: undefined, parent: undefined, children: [known, one] };
      roots = [...roots.filter((root) => root !== known), dummy];
      table.set(subject, dummy);
    }
  }
  const write = (one: Container): string => {
    const children = byDate(one.children).map(write);
    const number = one.row === undefined ? "" : `${one.row + 1}`;
    if (children.length === 0) return number;
    if (children.length === 1) return `${number} ${children[0]}`;
    return `${number}${number === "" ? "" : " "}${children.map((text) => `(${text})`).join("")}`;
  };
  return byDate(roots)
    .map((root) => `(${write(root)})`)
    .join("");
}

const anyMessage = fc.record({
  id: fc.nat({ max: 8 }),
  references: fc.array(fc.integer({ min: 1, max: 10 }), { maxLength: 5 }),
  subject: fc.nat({ max: 4 }),
  isReply: fc.boolean(),
  date: fc.nat({ max: 5 }),
});

test("REFERENCES is what the RFC says, step by step", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(anyMessage, { maxLength: 14 }), async (messages) => {
      assert.equal(await threaded(messages), modelOfReferences(messages));
    }),
    { numRuns: 1_000 },
  );
});

for (const [name, algorithm] of Object.entries({ references, refs, orderedSubject })) {
  test(`${name} tells each message once`, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(anyMessage, { maxLength: 60 }), async (messages) => {
        const told = (await threaded(messages, algorithm)).match(/\d+/g) ?? [];
        assert.deepEqual(
          told.map(Number).sort((one, other) => one - other),
          messages.map((_, row) => row + 1),
        );
      }),
    );
  });
}

test("a thread as deep as the mailbox is one line, from either end of it", async () => {
  const chain = Array.from({ length: 30_000 }, (_, row) => ({
    id: row + 1,
    references: row === 0 ? [] : [row],
    subject: 0,
    isReply: false,
    date: row,
  }));
  assert.equal(await threaded(chain), `(${chain.map(({ id }) => id).join(" ")})`);
  const backwards = await threaded(chain.toReversed());
  assert.equal(backwards.length, `(${chain.map(({ id }) => id).join(" ")})`.length);
});

test("references in a circle, and to the message itself, are passed over", async () => {
  const one = { subject: 0, isReply: false, date: 0 };
  assert.equal(await threaded([{ ...one, id: 1, references: [1] }]), "(1)");
  assert.equal(
    await threaded([
      { ...one, id: 1, references: [2] },
      { ...one, id: 2, references: [3] },
      { ...one, id: 3, references: [1] },
    ]),
    modelOfReferences([
      { ...one, id: 1, references: [2] },
      { ...one, id: 2, references: [3] },
      { ...one, id: 3, references: [1] },
    ]),
  );
});

test("a hostile tree whose links are broken again and again ends soon", async () => {
  const depth = 5_000;
  const chain: Message[] = Array.from({ length: depth }, (_, row) => ({
    id: row + 1,
    references: row === 0 ? [] : [row],
    subject: 0,
    isReply: false,
    date: row,
  }));
  // Each says once more that the root follows the deepest, after a link of its set was broken.
  const breakers: Message[] = Array.from({ length: 2_000 }, (_, row) => ({
    id: depth + row + 1,
    references: Array.from({ length: 100 }, (_unused, at) => (at % 2 === 0 ? depth : 1)),
    subject: 0,
    isReply: false,
    date: row,
  }));
  const told = (await threaded([...chain, ...breakers])).match(/\d+/g) ?? [];
  assert.equal(told.length, depth + breakers.length);
});

test("ORDEREDSUBJECT has no grandchildren", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(anyMessage, { maxLength: 30 }), async (messages) => {
      assert.doesNotMatch(await threaded(messages, orderedSubject), /\(\d+ \d+ |\(\d+ \(\d+ /);
    }),
  );
});
