import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { sortRows } from "./radix-sort.ts";

const pace = async (): Promise<void> => {};

test("sortRows() sorts by the first column, then by the next, then as they were", async () => {
  const value = fc.oneof(
    fc.integer({ min: -3, max: 3 }),
    fc.integer({ min: -8.64e15, max: 8.64e15 }),
  );
  const row = fc.tuple(value, fc.nat({ max: 3 }));
  const rows = fc.array(row, { maxLength: 200 });
  await fc.assert(
    fc.asyncProperty(rows, fc.boolean(), fc.boolean(), async (some, firstDown, secondDown) => {
      const columns = [
        { values: Float64Array.from(some, ([first]) => first), isDescending: firstDown },
        { values: Uint32Array.from(some, ([, second]) => second), isDescending: secondDown },
      ];
      const expected = [...some.keys()].sort((one, other) => {
        const [first = 0, second = 0] = some[one] ?? [];
        const [otherFirst = 0, otherSecond = 0] = some[other] ?? [];
        return (
          (first - otherFirst) * (firstDown ? -1 : 1) ||
          (second - otherSecond) * (secondDown ? -1 : 1)
        );
      });
      assert.deepEqual([...(await sortRows(some.length, columns, pace))], expected);
    }),
  );
});

test("sortRows() of nothing, and by nothing, is the order that was there", async () => {
  assert.deepEqual([...(await sortRows(0, [], pace))], []);
  const empty = { values: new Float64Array(0), isDescending: true };
  assert.deepEqual([...(await sortRows(0, [empty], pace))], []);
  assert.deepEqual([...(await sortRows(3, [], pace))], [0, 1, 2]);
});
