import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { StoreModel } from "../../packages/mailbox-store/test/model/store-model.ts";
import {
  deleteIndexes,
  look,
  type StoreEvent,
  type WorkerTask,
} from "../../packages/mailbox-store/test/model/store-traffic.ts";
import { run, whereIs } from "../program.ts";
import { RecordedDisk } from "./recorded-disk.ts";
import { octetsOf, readTrace, type SystemCall, straceArguments } from "./system-calls.ts";

const ORDERS = Number(process.env.POSTHOUSE_STORE_ORDERS ?? 200);
const CUTS = Number(process.env.POSTHOUSE_STORE_PREFIXES ?? 400);
const SEED = Number(process.env.POSTHOUSE_STORE_SEED ?? 1);

/**
 * What a real file system hides: ext4 writes far more than it was asked to. So every call that the store
 * makes to the system is recorded, and the disk replayed up to some call with all forgotten that was not
 * synced, or with some of it. Then, too, every acknowledged order must be found done.
 */
test("no acknowledgement leans on anything that was not synced", {
  timeout: 3_600_000,
}, async (t) => {
  if (whereIs("strace") === undefined) return t.skip("strace is not installed");
  const directory = await mkdtemp(join(tmpdir(), "posthouse-forgetful-"));
  await using stack = new AsyncDisposableStack();
  stack.defer(() => rm(directory, { recursive: true, force: true }));
  const calls = await record(directory);
  const events = calls.map(eventsOf);
  const acknowledgements = events.flat().filter((event) => "done" in event).length;
  assert.equal(acknowledgements, ORDERS);

  const disk = new RecordedDisk(join(directory, "mail"));
  const cutEvery = calls.length / CUTS;
  let cuts = 0;
  for (const [at, call] of calls.entries()) {
    disk.apply(call);
    if (at + 1 < (cuts + 1) * cutEvery) continue;
    cuts += 1;
    const soFar = events.slice(0, at + 1).flat();
    const problems = await problemsAfterCut(disk, join(directory, "found"), soFar, cuts);
    assert.deepEqual(problems, [], `after ${at + 1} of ${calls.length} calls, cut ${cuts}`);
  }
  t.diagnostic(`${cuts} cuts in ${calls.length} calls, ${acknowledgements} orders, nothing lost`);
});

async function problemsAfterCut(
  disk: RecordedDisk,
  path: string,
  events: readonly StoreEvent[],
  cut: number,
): Promise<readonly string[]> {
  const model = new StoreModel();
  for (const event of events) model.note(event);
  await disk.restore(path, cut % 3 === 0 ? luck(SEED * 10_000 + cut) : () => false);
  const isIndexDeleted = cut % 3 === 1;
  if (isIndexDeleted) await deleteIndexes(path);
  const problems = model.problemsOf(await look(path), {
    isIndexLost: isIndexDeleted,
    mayRenumber: isIndexDeleted,
  });
  await rm(path, { recursive: true });
  return problems;
}

/** The same for the same seed. */
function luck(seed: number): () => boolean {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state < 2 ** 31;
  };
}

/** Every call twice: when it begins and when it is done. */
async function record(directory: string): Promise<SystemCall[]> {
  const trace = join(directory, "trace");
  const mail = join(directory, "mail");
  await mkdir(mail);
  const model = "../../packages/mailbox-store/test/model";
  const worker = new URL(`${model}/store-worker.ts`, import.meta.url).pathname;
  const task: WorkerTask = {
    mailDirectory: mail,
    seed: SEED,
    actors: [0, 1, 2],
    actorsOfAll: 3,
    firstNumber: 0,
    messagesWanted: 60,
    orders: ORDERS,
  };
  const command = [process.execPath, worker, JSON.stringify(task)];
  const { code, stderr } = await run("strace", [...straceArguments(trace), ...command]);
  assert.equal(code, 0, stderr);
  return Array.fromAsync(readTrace(trace));
}

function eventsOf({ name, args, phase }: SystemCall): StoreEvent[] {
  if (name !== "write" || args[0] !== "1" || phase === "begins") return [];
  return [JSON.parse(octetsOf(args[1]).toString()) as StoreEvent];
}
