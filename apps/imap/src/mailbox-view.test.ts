import assert from "node:assert/strict";
import { test } from "node:test";
import type { MailboxChanges, MessageColumns, Uid } from "@posthouse/mailbox-store";
import fc from "fast-check";
import { MailboxView } from "./mailbox-view.ts";
import { NumberRanges } from "./syntax/sequence-set.ts";

function columnsOf(uids: readonly number[]): MessageColumns {
  return {
    length: uids.length,
    uids: Uint32Array.from(uids),
    systemFlags: new Uint8Array(uids.length),
    keywordSet: new Uint32Array(uids.length),
    keywordSets: [[]],
    modSeqs: new Float64Array(uids.length),
    sizes: new Float64Array(uids.length),
    internalDatesMs: new Float64Array(uids.length),
    saveDatesMs: new Float64Array(uids.length),
  };
}

function changesTo(
  view: MailboxView,
  uids: readonly number[],
  changed: number[] = [],
): MailboxChanges {
  const before = view.columns;
  const old = [...before.uids];
  return {
    before,
    after: columnsOf(uids),
    added: uids.filter((uid) => !old.includes(uid)) as Uid[],
    changed: changed as Uid[],
    vanished: old.filter((uid) => !uids.includes(uid)) as Uid[],
  };
}

const numbersIn = (view: MailboxView): (number | undefined)[] =>
  Array.from({ length: view.exists }, (_, index) => view.uidOf(index + 1));

/** Of a client that was told of all. */
const tellExpunges = (view: MailboxView): number[] => view.tellExpunges(view.exists);

const cases = [
  { name: "nothing is gone", uids: [3, 5, 8], after: [3, 5, 8], told: [] },
  { name: "the first is gone", uids: [3, 5, 8], after: [5, 8], told: [1] },
  { name: "each number is counted after the last", uids: [3, 5, 8], after: [8], told: [1, 1] },
  { name: "all are gone", uids: [3, 5, 8], after: [], told: [1, 1, 1] },
  { name: "one is gone and one is new", uids: [3, 5, 8], after: [3, 8, 9], told: [2] },
];
for (const { name, uids, after, told } of cases) {
  test(`tellExpunges(): ${name}`, () => {
    const view = new MailboxView(columnsOf(uids));
    view.apply(changesTo(view, after));
    assert.deepEqual(tellExpunges(view), told);
    assert.deepEqual(numbersIn(view), after);
  });
}

test("until it is told, an expunge moves no number, and new messages go to the end", () => {
  const view = new MailboxView(columnsOf([3, 5, 8]));
  view.apply(changesTo(view, [3, 8, 9]));
  assert.deepEqual(numbersIn(view), [3, 5, 8, 9]);
  assert.equal(view.rowOf(5), undefined);
  assert.equal(view.sequenceOf(9), 4);
  view.apply(changesTo(view, [8, 9, 12]));
  assert.deepEqual(numbersIn(view), [3, 5, 8, 9, 12]);
  assert.deepEqual(tellExpunges(view), [1, 1]);
  assert.deepEqual(numbersIn(view), [8, 9, 12]);
});

test("a message that came and went between two looks is never spoken of", () => {
  const view = new MailboxView(columnsOf([3]));
  view.apply({ ...changesTo(view, [3]), vanished: [7 as Uid] });
  assert.equal(view.exists, 1);
  assert.deepEqual(tellExpunges(view), []);
});

test("a message that came and went between two answers has no EXPUNGE, and moves no number", () => {
  const view = new MailboxView(columnsOf([3, 5]));
  view.apply(changesTo(view, [3, 5, 7, 8]));
  view.apply(changesTo(view, [5, 8]));
  assert.deepEqual(view.tellExpunges(2), [1]);
  assert.deepEqual(numbersIn(view), [5, 8]);
});

test("flags are owed until they are told, and not for what is gone", () => {
  const view = new MailboxView(columnsOf([3, 5, 8]));
  view.apply(changesTo(view, [3, 5, 8], [8, 3]));
  assert.deepEqual(view.changedUids(), [3, 8]);
  view.flagsTold(3);
  view.apply(changesTo(view, [3, 5]));
  assert.deepEqual(view.changedUids(), []);
});

test("\\Recent ends with the message", () => {
  const view = new MailboxView(columnsOf([3, 5]));
  view.addRecent([5, 99]);
  assert.equal(view.recentCount, 1);
  view.apply(changesTo(view, [3]));
  tellExpunges(view);
  assert.equal(view.recentCount, 0);
});

test("a client that believes what it is told has the mailbox as it is", () => {
  const step = fc.record({
    gone: fc.array(fc.nat({ max: 40 })),
    more: fc.nat({ max: 5 }),
    tells: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
      let uids = [1, 2, 3, 4, 5];
      let next = 6;
      const view = new MailboxView(columnsOf(uids));
      const client = [...uids];
      const tell = () => {
        for (const sequence of tellExpunges(view)) {
          assert.ok(sequence >= 1 && sequence <= client.length);
          client.splice(sequence - 1, 1);
        }
      };
      for (const { gone, more, tells } of steps) {
        uids = uids.filter((uid) => !gone.includes(uid));
        for (let count = 0; count < more; count += 1) uids.push(next++);
        view.apply(changesTo(view, uids));
        while (client.length < view.exists) client.push(view.uidOf(client.length + 1) ?? 0);
        if (tells) tell();
        assert.deepEqual(numbersIn(view), client);
        for (const [index, uid] of client.entries()) assert.equal(view.sequenceOf(uid), index + 1);
      }
      tell();
      assert.deepEqual(client, uids);
    }),
  );
});

test("a set of UIDs finds those that are there, ascending, each once", () => {
  const view = new MailboxView(columnsOf([3, 5, 8, 13]));
  const ranges = new NumberRanges(
    [
      { from: 4, to: 9 },
      { from: 8, to: "*" },
      { from: 1, to: 1 },
    ],
    13,
  );
  assert.deepEqual(view.uidsIn(ranges), [5, 8, 13]);
  assert.deepEqual(view.uidsAtSequences(new NumberRanges([{ from: 2, to: 3 }], 4)), [5, 8]);
});
