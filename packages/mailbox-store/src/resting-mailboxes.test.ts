import assert from "node:assert/strict";
import { test } from "node:test";
import { limits } from "./limits.ts";
import { RestingMailboxes } from "./resting-mailboxes.ts";

const mailbox = (length: number, isLoaded = true) => ({ isLoaded, columns: { length } });

test("a mailbox rests until it is opened again, or for two rounds", () => {
  const resting = new RestingMailboxes();
  const forgotten: string[] = [];
  const opened = mailbox(10);
  resting.keep(opened, () => forgotten.push("opened"));
  resting.keep(mailbox(10), () => forgotten.push("left alone"));
  resting.expire();
  resting.take(opened);
  assert.deepEqual(forgotten, []);
  resting.expire();
  resting.expire();
  assert.deepEqual(forgotten, ["left alone"]);
});

test("those that rest have a bound together, and the oldest go first", () => {
  const resting = new RestingMailboxes();
  const forgotten: string[] = [];
  const keep = (name: string, rows: number, isLoaded = true) =>
    resting.keep(mailbox(rows, isLoaded), () => forgotten.push(name));
  keep("too large", limits.restingRowsMax + 1);
  keep("never read", 1, false);
  assert.deepEqual(forgotten.splice(0), ["too large", "never read"]);
  keep("first", limits.restingRowsMax / 2);
  keep("second", limits.restingRowsMax / 2);
  assert.deepEqual(forgotten, []);
  keep("third", 1);
  assert.deepEqual(forgotten.splice(0), ["first"]);
  for (let at = 0; at < limits.restingMailboxesMax; at += 1) keep("small", 0);
  assert.deepEqual(forgotten, ["second", "third"]);
});
