import assert from "node:assert/strict";
import { test } from "node:test";
import { AnswerCache } from "../src/answer-cache.ts";

const always = () => true;

test("a known answer is not asked for again until the cache is cleared", async () => {
  const cache = new AnswerCache<string>(10);
  let asked = 0;
  const ask = async () => `answer ${++asked}`;
  assert.equal(await cache.get("a", ask, always), "answer 1");
  assert.equal(await cache.get("a", ask, always), "answer 1");
  cache.clear();
  assert.equal(await cache.get("a", ask, always), "answer 2");
});

test("an answer that was under way when the cache was cleared is given and not kept", async () => {
  const cache = new AnswerCache<string>(10);
  const { promise, resolve } = Promise.withResolvers<string>();
  const late = cache.get("a", () => promise, always);
  cache.clear();
  resolve("old");
  assert.equal(await late, "old");
  assert.equal(await cache.get("a", async () => "new", always), "new");
});

test("what is not to be kept is asked for each time, and the size is bounded", async () => {
  const cache = new AnswerCache<string>(2);
  let asked = 0;
  const ask = async () => `${++asked}`;
  await cache.get("no", ask, () => false);
  assert.equal(await cache.get("no", ask, () => false), "2");
  for (const question of ["a", "b", "c"]) await cache.get(question, ask, always);
  assert.equal(await cache.get("c", ask, always), "5");
  assert.equal(await cache.get("a", ask, always), "6");
});
