import { test } from "node:test";
import { holdKilledWorkToModel } from "../../packages/mailbox-store/test/model/killed-work.ts";

const KILLS = Number(process.env.POSTHOUSE_STORE_KILLS ?? 200);
const SEED = Number(process.env.POSTHOUSE_STORE_SEED ?? Date.now() % 100_000);

test("hundreds of kills amid random work of two processes leave what the model says", {
  timeout: 3_600_000,
}, async (t) => {
  await holdKilledWorkToModel(t, { kills: KILLS, seed: SEED });
});
