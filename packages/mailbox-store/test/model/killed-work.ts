import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { StoreModel } from "./store-model.ts";
import { deleteIndexes, findingsIn, look } from "./store-traffic.ts";
import { WorkerProcess } from "./worker-process.ts";

const ACTORS = 4;

/** Rows of the crash tables that random orders come to. */
const rows = [
  ..."D1 D2 D3 B1 B2 F1 F2 X1 X2 C1 C2 C3 C4 P1 P2 P3 N1 N2 M1 M2 R1 R2 R3 Z1 Z2 Z3".split(" "),
  ..."J1 J2 J3 J4 J5".split(" "),
  ...[
    "append",
    "changeFlags",
    "copy",
    "expunge",
    "replace",
    "renameMailbox",
    "finishRenames",
  ].flatMap((job) => [`commit ${job}`, `committed ${job}`]),
];

/**
 * Two processes work on the same accounts, at random, and are killed: at a random moment, or one of them
 * at a row of a crash table and the other a little later. What is found then, once with the index and
 * every third time without, is what the model says, and a check finds nothing to repair.
 */
export async function holdKilledWorkToModel(
  t: TestContext,
  { kills, seed }: { readonly kills: number; readonly seed: number },
): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), "mailbox-store-model-"));
  t.after(() => rm(directory, { recursive: true, force: true, maxRetries: 3 }));
  const model = new StoreModel();
  for (let kill = 1; kill <= kills; kill += 1) {
    const luck = Math.imul(seed * 7_919 + kill, 0x9e3779b1) >>> 8;
    const crashAt = kill % 2 === 0 ? rows[luck % rows.length] : undefined;
    const about = `kill ${kill} of seed ${seed}${crashAt === undefined ? "" : ` at ${crashAt}`}`;
    await workUntilKilled(directory, model, { seed, kill, luck, crashAt });
    const isIndexLost = kill % 3 === 0;
    if (isIndexLost) await deleteIndexes(directory);
    const seen = await look(directory);
    const problems = model.problemsOf(seen, { isIndexLost, mayRenumber: false });
    assert.deepEqual(problems, [], about);
    assert.deepEqual(await findingsIn(directory), [], about);
    if (kill % 25 === 0) tell(t, kill, model);
  }
  tell(t, kills, model);
}

function tell(t: TestContext, kills: number, model: StoreModel): void {
  t.diagnostic(`${kills} kills, ${model.acknowledged} orders acknowledged`);
}

async function workUntilKilled(
  mailDirectory: string,
  model: StoreModel,
  about: {
    readonly seed: number;
    readonly kill: number;
    readonly luck: number;
    readonly crashAt: string | undefined;
  },
): Promise<void> {
  const { seed, kill, luck, crashAt } = about;
  const workers = [0, 1].map((nth) => {
    const task = {
      mailDirectory,
      seed: seed * 100_000 + kill,
      actors: [0, 1].map((at) => nth * 2 + at),
      actorsOfAll: ACTORS,
      firstNumber: (kill * 2 + nth) * 100_000,
      messagesWanted: 20,
      ...(crashAt === undefined || nth === 1 ? {} : { crashAt }),
    };
    return new WorkerProcess(task, model);
  });
  await Promise.all(workers.map((worker) => worker.isWorking));
  // Not a wait for something: the moment of the kill is what is varied.
  await Promise.race([delay(luck % 800), workers[0]?.ended]);
  for (const worker of workers) await worker.kill();
  assert.deepEqual(
    workers.flatMap(({ failures }) => failures),
    [],
  );
  for (const { exitCode } of workers) assert.equal(exitCode, null, "it works until it is killed");
}
