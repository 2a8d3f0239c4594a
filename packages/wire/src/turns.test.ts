import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import { Turns } from "./turns.ts";

test("lets one through in each turn of the event loop, in order", async () => {
  const turns = new Turns();
  const through: number[] = [];
  const all = [1, 2, 3].map(async (number) => {
    await turns.take();
    through.push(number);
  });
  await Promise.resolve();
  assert.deepEqual(through, [1]);
  await Promise.all(all);
  assert.deepEqual(through, [1, 2, 3]);
});

test("waits for nobody when nobody was there", async () => {
  const turns = new Turns();
  await turns.take();
  await nextTurn();
  await nextTurn();
  let isThrough = false;
  void turns.take().then(() => {
    isThrough = true;
  });
  await Promise.resolve();
  await Promise.resolve();
  assert.ok(isThrough);
});
