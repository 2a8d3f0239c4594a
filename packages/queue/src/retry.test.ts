import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { exampleEnvelope } from "../test/example-envelope.ts";
import { expiryMs, nextAttemptMs, type RetryPolicy, warningMs } from "./retry.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const policy: RetryPolicy = {
  firstWaitMs: 5 * MINUTE_MS,
  waitMsMax: 4 * HOUR_MS,
  warnAfterMs: 4 * HOUR_MS,
  giveUpAfterMs: 120 * HOUR_MS,
};
const receivedAtMs = 1_000_000;
const envelope = exampleEnvelope({ receivedAtMs });

const waits = [
  { attempts: 1, minutes: 5 },
  { attempts: 2, minutes: 10 },
  { attempts: 6, minutes: 160 },
  { attempts: 7, minutes: 240 },
  { attempts: 1000, minutes: 240 },
];
for (const { attempts, minutes } of waits) {
  test(`after ${attempts} attempts the next one is ${minutes} minutes later`, () => {
    const dueMs = nextAttemptMs(policy, envelope, { attempts, nowMs: receivedAtMs });
    assert.equal(dueMs - receivedAtMs, minutes * MINUTE_MS);
  });
}

test("the last attempt is made at the end of the message's time, and not after it", () => {
  const nowMs = expiryMs(policy, envelope) - MINUTE_MS;
  assert.equal(nextAttemptMs(policy, envelope, { attempts: 30, nowMs }), nowMs + MINUTE_MS);
});

test("no two attempts are farther apart than the policy says, and each is in the future", () => {
  fc.assert(
    fc.property(fc.nat(), fc.nat({ max: 200 * HOUR_MS }), (attempts, ageMs) => {
      const nowMs = receivedAtMs + ageMs;
      const waitMs = nextAttemptMs(policy, envelope, { attempts, nowMs }) - nowMs;
      assert.ok(waitMs > 0 && waitMs <= policy.waitMsMax);
    }),
  );
});

test("deliver-by R ends the time of a message, N only brings the warning forward (RFC 2852)", () => {
  const atMs = receivedAtMs + HOUR_MS;
  const returned = exampleEnvelope({ receivedAtMs, deliverBy: { atMs, mode: "R", trace: false } });
  const notified = exampleEnvelope({ receivedAtMs, deliverBy: { atMs, mode: "N", trace: false } });
  assert.equal(expiryMs(policy, returned), atMs);
  assert.equal(warningMs(policy, returned), receivedAtMs + 4 * HOUR_MS);
  assert.equal(expiryMs(policy, notified), receivedAtMs + policy.giveUpAfterMs);
  assert.equal(warningMs(policy, notified), atMs);
});

test("the time of a message that is held for its sender begins when it is let go", () => {
  const holdUntilMs = receivedAtMs + 1000 * HOUR_MS;
  const held = exampleEnvelope({ receivedAtMs, holdUntilMs });
  assert.equal(expiryMs(policy, held), holdUntilMs + policy.giveUpAfterMs);
});
