import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { attempt, fuzz, keptInputs } from "./fuzz/fuzzing.ts";
import { commandTarget } from "./fuzz/imap-commands.ts";
import { messageTarget } from "./fuzz/messages.ts";

/** Short runs; e2e/long/fuzz.test.ts is the long one. A message takes as long as several commands. */
for (const [folder, makeTarget, inputs] of [
  ["commands", commandTarget, 15_000],
  ["messages", messageTarget, 4_000],
] as const) {
  describe(`fuzzing of ${folder}`, async () => {
    const target = await makeTarget();

    for (const [name, input] of await keptInputs(folder)) {
      test(`nothing is wrong about ${name} any more`, async () => {
        await attempt(target, input);
      });
    }

    test("nothing is wrong about its seeds", async () => {
      for (const seed of target.seeds) await attempt(target, seed);
    });

    test(`nothing is wrong about ${inputs} inputs made of them`, async () => {
      const { outcomes } = await fuzz(target, { inputs, seed: 1 });
      assert.ok(outcomes > 100, "inputs get past the first word");
    });
  });
}
