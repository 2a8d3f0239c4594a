import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { type Queue, QueueUnavailable, type ScanReport } from "@posthouse/queue";
import { testContext } from "@posthouse/service";
import { limits } from "./limits.ts";
import { SpoolScan } from "./spool-scan.ts";

const FULL = new QueueUnavailable("Cannot use the queue's index: database or disk is full");

/** A queue whose index can be written or not, and which counts its scans. */
async function scanning(t: TestContext) {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const context = await testContext();
  t.after(() => context[Symbol.asyncDispose]());
  const state = { isFull: false, scans: 0, scanned: 0 };
  const act = async <T>(result: T): Promise<T> => {
    if (state.isFull) throw FULL;
    return result;
  };
  const queue = {
    admit: () => act(undefined),
    scan: () => {
      state.scans += 1;
      return act<ScanReport>({ admitted: 0, damaged: [], swept: 0 });
    },
  } as unknown as Queue;
  const scan = new SpoolScan({ queue, log: context.log, onScanned: () => void state.scanned++ });
  t.after(() => scan[Symbol.dispose]());
  /** Time goes by, and what it set going comes to its end. */
  const pass = async (ms: number) => {
    t.mock.timers.tick(ms);
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { scan, state, pass };
}

test("an entry that cannot be admitted is found by a scan soon after, again until it succeeds", async (t) => {
  const { scan, state, pass } = await scanning(t);
  scan.start();
  await pass(0);
  state.isFull = true;
  await scan.admit("one");
  await scan.admit("two");
  assert.deepEqual(state, { isFull: true, scans: 1, scanned: 1 });
  await pass(limits.troubleWaitMs);
  await pass(limits.troubleWaitMs);
  assert.equal(state.scans, 3);
  state.isFull = false;
  await pass(limits.troubleWaitMs);
  assert.equal(state.scans, 4);
  await pass(limits.troubleWaitMs);
  assert.equal(state.scans, 4);
  await pass(limits.scanEveryMs);
  assert.equal(state.scans, 5);
});

test("a scan whose time comes after it was disposed of is not made", async (t) => {
  const { scan, state, pass } = await scanning(t);
  scan.start();
  await pass(0);
  scan[Symbol.dispose]();
  await pass(limits.scanEveryMs);
  assert.equal(state.scans, 1);
});
