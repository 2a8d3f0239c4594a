import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { filterKey, isFilterName, SavedFilters } from "./saved-filters.ts";

const wholeSearches = [
  'OR SMALLER 5000 FROM "boss@example.com"',
  "UNSEEN FLAGGED",
  "(SEEN) FILTER other",
  "SUBJECT {3}\r\na\rb SEEN",
  "SUBJECT {0}\r\n",
];
const others = [
  "",
  " SEEN",
  "SEEN ",
  "OR SMALLER",
  "SEEN )",
  "CHARSET UTF-8 SEEN",
  "SUBJECT {4}\r\nabc",
];

for (const text of wholeSearches) {
  test(`filterKey() reads ${JSON.stringify(text)}`, () => {
    assert.notEqual(filterKey(Buffer.from(text)), undefined);
  });
}
for (const text of others) {
  test(`filterKey() reads nothing in ${JSON.stringify(text)}`, () => {
    assert.equal(filterKey(Buffer.from(text)), undefined);
  });
}

test("filterKey() never throws", () => {
  const piece = fc.constantFrom(
    "SEEN",
    "NOT",
    "OR",
    " ",
    "(",
    ")",
    "{2}\r\n",
    "{2+}\r\n",
    '"',
    "\r\n",
    "a",
  );
  fc.assert(
    fc.property(
      fc.oneof(
        fc.array(piece).map((all) => all.join("")),
        fc.string(),
      ),
      (text) => {
        filterKey(Buffer.from(text));
      },
    ),
  );
});

test("a filter for everybody that is no search keeps the server from starting", () => {
  assert.throws(
    () => new SavedFilters([{ name: "half", criteria: "OR SEEN" }]),
    /imap\.shared_filters: "half" .* "OR SEEN"/,
  );
  assert.equal(isFilterName("a/b"), false);
});
