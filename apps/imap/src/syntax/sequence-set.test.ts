import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { formatSequenceSet, formatUidSet, NumberRanges, parseSequenceSet } from "./sequence-set.ts";

const cases = [
  { text: "1", largest: 9, ranges: [[1, 1]] },
  {
    text: "2,4:7,9,12:*",
    largest: 15,
    ranges: [
      [2, 2],
      [4, 7],
      [9, 9],
      [12, 15],
    ],
  },
  { text: "*:4,5:7", largest: 10, ranges: [[4, 10]] },
  { text: "5:4", largest: 10, ranges: [[4, 5]] },
  { text: "3,1,2,2", largest: 10, ranges: [[1, 3]] },
  { text: "*", largest: 0, ranges: [[0, 0]] },
  // RFC 3501 §9: "3291:* includes the last, even if that is less"
  { text: "3291:*", largest: 5, ranges: [[5, 3291]] },
  { text: "4294967295", largest: 1, ranges: [[4294967295, 4294967295]] },
];
for (const { text, largest, ranges } of cases) {
  test(`"${text}" in a mailbox up to ${largest} is ${JSON.stringify(ranges)}`, () => {
    const set = parseSequenceSet(text);
    assert.ok(set);
    assert.deepEqual([...new NumberRanges(set, largest)], ranges);
  });
}

for (const text of [
  "",
  ",",
  "1,",
  ",1",
  "0",
  "1:",
  ":1",
  "1:2:3",
  "01",
  "1,,2",
  "4294967296",
  "a",
  "1 2",
  "**",
]) {
  test(`"${text}" is not a sequence-set`, () => assert.equal(parseSequenceSet(text), undefined));
}

const number = fc.oneof(fc.integer({ min: 1, max: 4294967295 }), fc.constant("*" as const));
const set = fc.array(fc.record({ from: number, to: number }, { noNullPrototype: true }), {
  minLength: 1,
});

test("a formatted set parses back to itself", () => {
  fc.assert(
    fc.property(set, (ranges) => {
      assert.deepEqual(parseSequenceSet(formatSequenceSet(ranges)), ranges);
    }),
  );
});

test("any text is a set or is not, without an exception", () => {
  fc.assert(fc.property(fc.string(), (text) => void parseSequenceSet(text)));
});

test("has() agrees with a plain look at every range", () => {
  const small = fc.oneof(fc.integer({ min: 1, max: 30 }), fc.constant("*" as const));
  const ranges = fc.array(fc.record({ from: small, to: small }), { minLength: 1, maxLength: 8 });
  fc.assert(
    fc.property(ranges, fc.integer({ min: 0, max: 30 }), (one, largest) => {
      const resolved = new NumberRanges(one, largest);
      const value = (bound: number | "*") => (bound === "*" ? largest : bound);
      for (let candidate = 0; candidate <= 31; candidate += 1) {
        const isIn = one.some(({ from, to }) => {
          const [low, high] = [value(from), value(to)].sort((a, b) => a - b) as [number, number];
          return low <= candidate && candidate <= high;
        });
        assert.equal(resolved.has(candidate), isIn, `${candidate} in ${formatSequenceSet(one)}`);
      }
    }),
  );
});

test("formatUidSet() names exactly the given UIDs, and runs as ranges", () => {
  assert.equal(formatUidSet([1, 2, 3, 5, 7, 8]), "1:3,5,7:8");
  fc.assert(
    fc.property(fc.uniqueArray(fc.integer({ min: 1, max: 60 }), { minLength: 1 }), (some) => {
      const uids = some.sort((a, b) => a - b);
      const parsed = parseSequenceSet(formatUidSet(uids));
      assert.ok(parsed);
      const named: number[] = [];
      for (const [from, to] of new NumberRanges(parsed, 0)) {
        for (let uid = from; uid <= to; uid += 1) named.push(uid);
      }
      assert.deepEqual(named, uids);
    }),
  );
});
