import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  type ColumnRow,
  changedColumns,
  changesBetween,
  emptyColumns,
  indexOfUid,
} from "./message-columns.ts";

const uidSet = fc
  .uniqueArray(fc.integer({ min: 1, max: 40 }))
  .map((all) => all.sort((a, b) => a - b));

function row(uid: number, modSeq: number): ColumnRow {
  return [uid, 0, 0, modSeq, 10, 0, 0];
}

test("columns follow rows and vanished UIDs, and the old ones stay as they were", () => {
  fc.assert(
    fc.property(uidSet, uidSet, uidSet, (first, second, gone) => {
      const before = changedColumns(
        emptyColumns([[]]),
        first.map((uid) => row(uid, 1)),
        new Set(),
        [[]],
      );
      const vanished = gone.filter((uid) => !second.includes(uid));
      const rows = second.map((uid) => row(uid, 2));
      const after = changedColumns(before, rows, new Set(vanished), [[]]);
      const expected = [...new Set([...first, ...second])]
        .filter((uid) => !vanished.includes(uid))
        .sort((a, b) => a - b);
      assert.deepEqual([...after.uids], expected);
      assert.deepEqual([...before.uids], first);
      const changes = changesBetween(before, after);
      assert.deepEqual(
        changes.added,
        second.filter((uid) => !first.includes(uid)),
      );
      assert.deepEqual(
        changes.changed,
        second.filter((uid) => first.includes(uid)),
      );
      assert.deepEqual(
        changes.vanished,
        first.filter((uid) => vanished.includes(uid)),
      );
      for (const uid of expected) assert.equal(after.uids[indexOfUid(after.uids, uid)], uid);
      assert.equal(indexOfUid(after.uids, 41), -1);
    }),
  );
});
