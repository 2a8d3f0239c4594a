import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ListPattern } from "./list-pattern.ts";

const cases = [
  { pattern: "*", name: "a/b", matches: true },
  { pattern: "%", name: "a/b", matches: false },
  { pattern: "%", name: "a", matches: true },
  { pattern: "%/%", name: "a/b", matches: true },
  { pattern: "a*", name: "a", matches: true },
  { pattern: "a/%", name: "a", matches: false },
  { pattern: "inbox", name: "INBOX", matches: true },
  { pattern: "in%", name: "INBOX", matches: true },
  { pattern: "inbox/Sub", name: "INBOX/Sub", matches: true },
  { pattern: "inbox/sub", name: "INBOX/Sub", matches: false },
  { pattern: "sent", name: "Sent", matches: false },
  { pattern: "%%*", name: "a/b/c", matches: true },
  { pattern: "", name: "a", matches: false },
  { pattern: "a.c", name: "abc", matches: false },
];
for (const { pattern, name, matches } of cases) {
  test(`"${pattern}" ${matches ? "matches" : "does not match"} "${name}"`, () => {
    assert.equal(new ListPattern(pattern).matches(name), matches);
  });
}

test("matching agrees with a regular expression", () => {
  const pattern = fc.string({ unit: fc.constantFrom("a", "b", "/", "%", "*"), maxLength: 8 });
  const name = fc.string({ unit: fc.constantFrom("a", "b", "/"), maxLength: 8 });
  fc.assert(
    fc.property(pattern, name, (one, text) => {
      const expression = one.replaceAll("*", ".*").replaceAll("%", "[^/]*");
      assert.equal(new ListPattern(one).matches(text), new RegExp(`^${expression}$`).test(text));
    }),
  );
});

test("a pattern of many wildcards is matched without trying every split", () => {
  assert.equal(new ListPattern(`${"%a".repeat(200)}b`).matches("a".repeat(1000)), false);
});
