import assert from "node:assert/strict";
import { test } from "node:test";
import { type Destination, LOCAL } from "@posthouse/queue";
import { Pace } from "./pace.ts";

const there = "there.example" as Destination;
const paceOf = (limits = {}) => new Pace({ connectionsMax: 5, limitsOf: () => limits });

function connections(pace: Pace, destination = there): number {
  let count = 0;
  for (; !pace.busy().includes(destination) && count < 50; count += 1) pace.begin(destination);
  for (let n = 0; n < count; n += 1) pace.end(destination);
  return count;
}

test("a destination begins with two connections, gets more by success and fewer by failure", () => {
  const pace = paceOf();
  assert.equal(connections(pace), 2);
  pace.note(there, "up");
  assert.equal(connections(pace), 3);
  for (let n = 0; n < 10; n += 1) pace.note(there, "up");
  assert.equal(connections(pace), 5);
  pace.note(there, "slow-down");
  assert.equal(connections(pace), 2);
  for (let n = 0; n < 10; n += 1) pace.note(there, "down");
  assert.equal(connections(pace), 1);
});

test("a route's limit on connections counts, and mailboxes here have theirs at once", () => {
  assert.equal(connections(paceOf({ connectionsMax: 1 })), 1);
  assert.equal(connections(paceOf(), LOCAL), 10);
});

test("messages a minute: one may go, the next one when its time has come", () => {
  const pace = paceOf({ messagesPerMinuteMax: 6 });
  assert.equal(pace.mayGo(there), true);
  assert.equal(pace.mayGo(there), false);
  assert.deepEqual(pace.busy(), [there]);
  const waitMs = pace.nextTokenMs() ?? 0;
  assert.ok(waitMs > 9000 && waitMs <= 10_000, `${waitMs}`);
  assert.equal(paceOf().nextTokenMs(), undefined);
});
