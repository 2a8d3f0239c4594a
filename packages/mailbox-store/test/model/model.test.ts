import { test } from "node:test";
import { holdKilledWorkToModel } from "./killed-work.ts";

/** Hundreds of kills are in e2e/long/store-kills.test.ts. */
test("random work of two processes that are killed leaves what the model says", async (t) => {
  await holdKilledWorkToModel(t, { kills: 3, seed: 1 });
});
