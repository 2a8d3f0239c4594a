import assert from "node:assert/strict";
import { test } from "node:test";
import { liveInABadNeighbourhood, neighbourhoodToml } from "../bad-neighbourhood.ts";
import { startSuite } from "../suite.ts";

const SECONDS = 120;

test("two minutes among hostile clients: all good mail arrives, and nothing else", {
  timeout: SECONDS * 1000 + 240_000,
}, async (t) => {
  await using suite = await startSuite({ toml: neighbourhoodToml });
  const story = await liveInABadNeighbourhood(suite, SECONDS);
  t.diagnostic(story);
  const errors = suite.log.filter((line) => /nobody foresaw/.test(line));
  assert.deepEqual(errors, []);
});
