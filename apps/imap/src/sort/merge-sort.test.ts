import assert from "node:assert/strict";
import { test } from "node:test";
import { compareCasemapped } from "@posthouse/message";
import fc from "fast-check";
import { mergeSort } from "./merge-sort.ts";
import { TextRanks } from "./ranks.ts";

const pace = async (): Promise<void> => {};

test("mergeSort() sorts as Array.sort() does, and as stably", async () => {
  const keys = fc.array(fc.nat({ max: 50 }), { maxLength: 5_000, size: "max" });
  await fc.assert(
    fc.asyncProperty(keys, async (values) => {
      const compare = (one: number, other: number) =>
        (values[one] as number) - (values[other] as number);
      const rows = Uint32Array.from(values.keys());
      await mergeSort(rows, compare, pace);
      assert.deepEqual([...rows], [...values.keys()].sort(compare));
    }),
    { numRuns: 50 },
  );
});

test("mergeSort() lets others in while it sorts", async () => {
  let paces = 0;
  const rows = Uint32Array.from({ length: 100_000 }, (_, at) => (at * 7_919) % 100_000);
  await mergeSort(
    rows,
    (one, other) => one - other,
    async () => {
      paces += 1;
    },
  );
  assert.ok(paces > 300);
  assert.ok(rows.every((value, at) => value === at));
});

test("ranks are in the order of the texts, also beyond U+FFFF", async () => {
  const texts = fc.array(fc.string({ unit: "binary", maxLength: 4 }), { maxLength: 50 });
  await fc.assert(
    fc.asyncProperty(texts, async (some) => {
      const numbered = new TextRanks();
      const numbers = some.map((text) => numbered.number(text));
      const ranks = await numbered.ranks(pace);
      for (const [a, one] of some.entries()) {
        for (const [b, other] of some.entries()) {
          const difference = (ranks[numbers[a] ?? 0] ?? 0) - (ranks[numbers[b] ?? 0] ?? 0);
          assert.equal(Math.sign(difference), Math.sign(compareCasemapped(one, other)));
        }
      }
    }),
  );
});
