import assert from "node:assert/strict";
import { test } from "node:test";
import { limits } from "./limits.ts";
import { LoginDelay } from "./login-delay.ts";

test("an account waits from its last login on, and others do not", () => {
  let nowMs = 0;
  const delay = new LoginDelay(60, () => nowMs);
  delay.loggedIn("ann");
  nowMs = 20_500;
  assert.equal(delay.secondsFor("ann"), 40);
  assert.equal(delay.secondsFor("bob"), 0);
  nowMs = 60_000;
  assert.equal(delay.secondsFor("ann"), 0);
});

test("no more accounts are remembered than limits.ts says", () => {
  const delay = new LoginDelay(60, () => 0);
  delay.loggedIn("ann");
  for (let n = 0; n < limits.accountsDelayedMax; n += 1) delay.loggedIn(`${n}`);
  assert.equal(delay.secondsFor("ann"), 0);
  assert.equal(delay.secondsFor("0"), 60);
});
