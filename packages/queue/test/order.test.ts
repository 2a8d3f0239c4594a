import assert from "node:assert/strict";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import type { Destination, Queue } from "@posthouse/queue";
import Database from "better-sqlite3";
import { remoteRecipient } from "./example-envelope.ts";
import { everything, openTestQueue, START_MS } from "./open-test-queue.ts";

/** Message ids in the order in which they are claimed, one at a time. */
async function order(queue: Queue): Promise<string[]> {
  const ids: string[] = [];
  for (;;) {
    const claim = await queue.claimDue({ ...everything, deliveriesMax: 1 });
    if (claim === undefined) return ids;
    for (const { entry } of claim.deliveries) ids.push(entry.envelope.messageId);
  }
}

const there = "remote.example" as Destination;

test("what is urgent goes first, and what can wait goes last, without waiting for nothing", async (t) => {
  const { queue, enqueue } = await openTestQueue(t);
  for (const [messageId, priority] of [
    ["usual", 0],
    ["low", -4],
    ["high", 6],
    ["lowest", -9],
  ] as const) {
    await enqueue({ messageId, priority });
    await queue.scan();
  }
  assert.deepEqual(await order(queue), ["high", "usual", "low", "lowest"]);
});

test("one message does not wait behind the many of another sender", async (t) => {
  const { queue, enqueue } = await openTestQueue(t);
  for (let n = 0; n < 20; n += 1) {
    await enqueue({ messageId: `bulk-${n}`, reversePath: "list@here.example" });
    await queue.scan();
  }
  await enqueue({ messageId: "letter", reversePath: "ann@here.example" });
  await queue.scan();
  assert.ok((await order(queue)).indexOf("letter") <= 1);
});

test("a destination of which no host answers is left alone, longer each time, and others are not", async (t) => {
  const { queue, enqueue, clock } = await openTestQueue(t);
  await enqueue({ messageId: "m1" });
  await enqueue({ messageId: "m2" });
  await enqueue({ messageId: "other", recipients: [remoteRecipient("ann@other.example")] });
  await queue.scan();
  await queue.noteDestination(there, "down");
  assert.deepEqual(await order(queue), ["other"]);
  const [entry] = await queue.show("m1");
  assert.deepEqual(entry?.recipients[0]?.state, {
    kind: "destination-is-down",
    untilMs: START_MS + 60_000,
  });
  assert.equal(await queue.nextDueMs(everything), START_MS + 60_000);
  clock.nowMs += 60_000;
  const claim = await queue.claimDue({ ...everything, deliveriesMax: 1 });
  assert.equal(claim?.failures, 1);
  await queue.noteDestination(there, "down");
  clock.nowMs += 119_000;
  assert.deepEqual(await order(queue), []);
  clock.nowMs += 1000;
  assert.equal(await queue.claimDue({ ...everything, areSuspectsLeft: true }), undefined);
  await queue.noteDestination(there, "up");
  assert.equal((await queue.claimDue({ ...everything, areSuspectsLeft: true }))?.failures, 0);
});

test("flush() makes all of a domain due, also what waits for its next try or for its host", async (t) => {
  const { queue, enqueue } = await openTestQueue(t);
  await enqueue({ messageId: "m1" });
  await enqueue({ messageId: "m2" });
  await queue.scan();
  const claim = await queue.claimDue({ ...everything, deliveriesMax: 1 });
  await claim?.deliveries[0]?.defer(START_MS + 3_600_000, []);
  await queue.noteDestination(there, "down");
  assert.equal(await queue.flush("nowhere.example"), 0);
  assert.equal(await queue.flush("Remote.Example"), 1);
  assert.equal((await order(queue)).length, 2);
});

test("a message that is scheduled waits until then, also when the index is lost, and retry() sends it", async (t) => {
  const { queue, enqueue, clock, open, stateDirectory } = await openTestQueue(t);
  await enqueue({ messageId: "m1" });
  await queue.scan();
  const untilMs = START_MS + 3_600_000;
  assert.deepEqual(
    (await queue.schedule("m1", untilMs)).map(({ kind }) => kind),
    ["done"],
  );
  assert.deepEqual(await order(queue), []);
  await queue[Symbol.asyncDispose]();
  for (const suffix of ["", "-wal", "-shm"]) {
    await rm(join(stateDirectory, `queue.sqlite${suffix}`), { force: true });
  }
  await using anew = await open();
  await anew.scan();
  assert.deepEqual(await order(anew), []);
  assert.equal(await anew.nextDueMs(everything), untilMs);
  await anew.retry("m1");
  assert.deepEqual(await order(anew), ["m1"]);
  clock.nowMs += 1;
});

test("an index of version 1 is taken over with what it knows", async (t) => {
  const { queue, enqueue, open, stateDirectory } = await openTestQueue(t);
  await enqueue({ messageId: "m1" });
  await queue.scan();
  await queue[Symbol.asyncDispose]();
  const database = new Database(join(stateDirectory, "queue.sqlite"));
  database.exec(`DROP TABLE attempt; DROP TABLE bounce; DROP TABLE sender;
    ALTER TABLE entry DROP COLUMN held_by; ALTER TABLE delivery DROP COLUMN holder; ALTER TABLE destination DROP COLUMN failures;
    ALTER TABLE destination DROP COLUMN paused_until_ms; PRAGMA user_version = 1`);
  database.close();
  await using anew = await open();
  assert.equal(await anew.count(), 1);
  assert.deepEqual(await order(anew), ["m1"]);
});
