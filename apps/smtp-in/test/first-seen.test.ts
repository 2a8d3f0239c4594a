import assert from "node:assert/strict";
import { test } from "node:test";
import { FirstSeen } from "../src/inspection/first-seen.ts";

test("a message is known by all its parts, from the first time on", () => {
  let nowMs = 1000;
  const seen = new FirstSeen({ entriesMax: 10, keepMs: 100, now: () => nowMs });
  assert.equal(seen.ageMs(["a", "b"]), 0);
  nowMs += 40;
  assert.equal(seen.ageMs(["a", "b"]), 40);
  assert.equal(seen.ageMs(["ab", ""]), 0);
  nowMs += 61;
  assert.equal(seen.ageMs(["a", "b"]), 0, "forgotten");
  assert.equal(seen.ageMs(["ab", ""]), 61);
});

test("what finds no place is not put off", () => {
  const seen = new FirstSeen({ entriesMax: 1, keepMs: 100, now: () => 0 });
  assert.equal(seen.ageMs(["a"]), 0);
  assert.equal(seen.ageMs(["b"]), undefined);
  assert.equal(seen.ageMs(["a"]), 0);
});
