import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { RestingColumn } from "./resting-column.ts";

const numbers = {
  "modseqs and sizes": fc.nat({ max: 0xffff_ffff }),
  "times in seconds": fc.nat({ max: 0xffff_ffff }).map((seconds) => seconds * 1000),
  "times in milliseconds": fc.maxSafeNat().map((ms) => ms % 4e12),
  "whatever a number can be": fc.double(),
};

for (const [name, number] of Object.entries(numbers)) {
  test(`a column that has rested is what it was: ${name}`, () => {
    fc.assert(
      fc.property(fc.array(number), (values) => {
        const column = new RestingColumn(Float64Array.from(values));
        column.rest();
        column.rest();
        assert.deepEqual([...column.values], values);
        column.rest();
        assert.deepEqual([...column.values], values);
      }),
    );
  });
}

test("a column that somebody looks at stays as it is", () => {
  const column = new RestingColumn(Float64Array.of(1, 2, 3));
  const { values } = column;
  column.rest();
  assert.equal(column.values, values);
});
