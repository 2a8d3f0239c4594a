import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { limits } from "../src/limits.ts";
import { RateLimit } from "../src/rate-limit.ts";

test("so many are let through, and come back evenly over the window", () => {
  let now = 0;
  const rate = new RateLimit({ countMax: 4, windowMs: 1000, now: () => now });
  assert.deepEqual(
    [1, 2, 3, 4].map(() => rate.take("a")),
    [0, 0, 0, 0],
  );
  assert.equal(rate.take("a"), 250);
  assert.equal(rate.take("b"), 0);
  assert.equal(rate.fullness("a"), 1);
  now = 250;
  assert.equal(rate.take("a"), 0);
  assert.equal(rate.take("a", 2), 500);
  now = 1250;
  assert.equal(rate.fullness("a"), 0);
});

test("0 is no limit", () => {
  const rate = new RateLimit({ countMax: 0, windowMs: 1000 });
  for (let count = 0; count < 1000; count++) assert.equal(rate.take("a"), 0);
  assert.equal(rate.fullness("a"), 0);
});

test("whatever is asked when, no window lets through more than twice its count", () => {
  const step = fc.record({ waitMs: fc.nat(700), count: fc.integer({ min: 1, max: 3 }) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      let now = 0;
      const rate = new RateLimit({ countMax: 5, windowMs: 1000, now: () => now });
      const taken: { at: number; count: number }[] = [];
      for (const { waitMs, count } of steps) {
        now += waitMs;
        if (rate.take("a", count) === 0) taken.push({ at: now, count });
        const inWindow = taken.filter(({ at }) => now - at < 1000);
        assert.ok(inWindow.reduce((sum, one) => sum + one.count, 0) <= 10);
      }
    }),
  );
});

test("the keys it remembers are few", () => {
  const rate = new RateLimit({ countMax: 1, windowMs: 1000, now: () => 0 });
  for (let key = 0; key <= limits.rateKeysMax; key++) rate.take(String(key));
  assert.equal(rate.fullness("0"), 0);
  assert.equal(rate.fullness("1"), 1);
});
