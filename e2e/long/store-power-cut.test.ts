import assert from "node:assert/strict";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { StoreModel } from "../../packages/mailbox-store/test/model/store-model.ts";
import { deleteIndexes, look } from "../../packages/mailbox-store/test/model/store-traffic.ts";
import { WorkerProcess } from "../../packages/mailbox-store/test/model/worker-process.ts";
import { LoopDisk } from "./loop-disk.ts";

const CUTS = Number(process.env.POSTHOUSE_STORE_POWER_CUTS ?? 300);
const SEED = Number(process.env.POSTHOUSE_STORE_SEED ?? 1);
const ACTORS = 6;

/**
 * The store alone under power cuts: after each one every acknowledged order is found done, message by
 * message and octet by octet. Before every third look the index is deleted; then a message may have a new
 * UID, since dovecot-uidlist is not synced with each message, but none that ever named another.
 */
test("power cuts lose nothing that the store acknowledged, with its index or without", {
  timeout: 3_600_000,
}, async (t) => {
  const made = await LoopDisk.make("512M");
  if (typeof made === "string") return t.skip(made);
  await using disk = made;
  const mailDirectory = join(disk.mountPoint, "mail");
  const model = new StoreModel();
  for (let cut = 1; cut <= CUTS; cut++) {
    await workUntilCut(disk, mailDirectory, model, cut);
    const isIndexDeleted = cut % 3 === 0;
    if (isIndexDeleted) await deleteIndexes(mailDirectory);
    const seen = await look(mailDirectory);
    const problems = model.problemsOf(seen, {
      isIndexLost: isIndexDeleted,
      mayRenumber: isIndexDeleted,
    });
    assert.deepEqual(problems, [], `after power cut ${cut}, seed ${SEED}`);
    if (cut % 25 === 0) tell(t, cut, model);
  }
});

function tell(t: TestContext, cut: number, model: StoreModel): void {
  t.diagnostic(`${cut} cuts, ${model.acknowledged} orders acknowledged, nothing lost`);
}

async function workUntilCut(
  disk: LoopDisk,
  mailDirectory: string,
  model: StoreModel,
  cut: number,
): Promise<void> {
  const worker = new WorkerProcess(
    {
      mailDirectory,
      seed: SEED * 1_000 + cut,
      actors: Array.from({ length: ACTORS }, (_one, actor) => actor),
      actorsOfAll: ACTORS,
      firstNumber: cut * 1_000_000,
      messagesWanted: 60,
    },
    model,
  );
  await worker.isWorking;
  // Not a wait for something: the moment of the cut is what is varied.
  await delay((cut * 397) % 600);
  await disk.cut();
  await worker.kill();
  await disk.mountAgain();
}
