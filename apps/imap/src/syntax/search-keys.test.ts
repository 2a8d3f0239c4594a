import assert from "node:assert/strict";
import { test } from "node:test";
import { CommandFailure } from "../response.ts";
import { CommandReader } from "./command-reader.ts";
import { readSearchProgram } from "./search-keys.ts";

const read = (text: string) => readSearchProgram(new CommandReader([text]));

test("the example of RFC 3501 §6.4.4 is three keys that all must fit", () => {
  const key = read('FLAGGED SINCE 1-Feb-1994 NOT FROM "Smith"');
  assert.deepEqual(key, {
    kind: "and",
    keys: [
      { kind: "flag", flag: "\\Flagged" },
      { kind: "internal-date", relation: "since", day: 8797 },
      { kind: "not", key: { kind: "envelope", field: "from", text: "Smith" } },
    ],
  });
});

test("OR takes two keys, and parentheses make one of many", () => {
  assert.deepEqual(read("OR (SEEN 1:3) UID 5"), {
    kind: "or",
    keys: [
      {
        kind: "and",
        keys: [
          { kind: "flag", flag: "\\Seen" },
          { kind: "sequence", set: [{ from: 1, to: 3 }] },
        ],
      },
      { kind: "uid", set: [{ from: 5, to: 5 }] },
    ],
  });
});

test("an unknown charset is NO [BADCHARSET]", () => {
  assert.throws(
    () => read("CHARSET KOI8-R ALL"),
    (error) =>
      error instanceof CommandFailure &&
      error.condition === "NO" &&
      error.code === "BADCHARSET (US-ASCII UTF-8)",
  );
});

for (const [why, text] of [
  ["keys too deep inside each other", `${"NOT ".repeat(60)}ALL`],
  ["parentheses too deep", `${"(".repeat(60)}ALL${")".repeat(60)}`],
  ["too many keys", Array(1001).fill("ALL").join(" ")],
  ["an unknown key", "FOO"],
  ["an empty list", "()"],
  ["half of an OR", "OR ALL"],
  ["a day that is none", "ON 31-Feb-2000"],
] as const) {
  test(`BAD answers ${why}`, () => {
    assert.throws(
      () => read(text),
      (error) => error instanceof CommandFailure && error.condition === "BAD",
    );
  });
}
