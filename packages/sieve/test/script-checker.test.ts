import assert from "node:assert/strict";
import { test } from "node:test";
import { ScriptChecker, SieveScriptError } from "../src/check/index.ts";

const checker = () => new ScriptChecker();
const large = (end: string) =>
  Buffer.from(`${'if header "subject" "x" { discard; }\n'.repeat(12_000)}${end}`);

test("a large script is checked beside the event loop, and said of as a small one is", async () => {
  await using checks = checker();
  let turns = 0;
  const turning = setInterval(() => (turns += 1), 1);
  const [good, bad] = await Promise.allSettled([
    checks.check(large("stop;\nkeep;")),
    checks.check(large("kepp;")),
  ]);
  clearInterval(turning);
  assert.ok(turns > 5, `${turns} turns of the loop meanwhile`);
  assert.equal(good.status, "fulfilled");
  assert.match(good.value[0]?.message ?? "", /stop/);
  assert.ok(bad.status === "rejected" && bad.reason instanceof SieveScriptError);
  assert.deepEqual(bad.reason.problems[0], {
    line: 12_001,
    column: 1,
    message: 'unknown command "kepp"',
  });
});

test("a small one is checked at once", async () => {
  await using checks = checker();
  assert.deepEqual(await checks.check(Buffer.from("keep;")), []);
  await assert.rejects(checks.check(Buffer.from("kepp;")), SieveScriptError);
});
