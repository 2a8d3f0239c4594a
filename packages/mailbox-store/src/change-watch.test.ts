import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { pollPath, watchPath } from "./change-watch.ts";

async function directory(): Promise<{ path: string } & AsyncDisposable> {
  const path = await mkdtemp(join(tmpdir(), "change-watch-"));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

test("watchPath() names the entry of a directory that changed", async () => {
  await using files = await directory();
  const { promise, resolve } = Promise.withResolvers<string | undefined>();
  using _watch = watchPath(files.path, resolve, assert.fail);
  await writeFile(join(files.path, "message"), "");
  assert.equal(await promise, "message");
});

test("watchPath() looks each second where it cannot watch, and says so once", async () => {
  await using files = await directory();
  const { promise, resolve } = Promise.withResolvers<string | undefined>();
  const logged: string[] = [];
  const path = join(files.path, "not-yet");
  using _watch = watchPath(path, resolve, (text) => logged.push(text));
  const writing = setInterval(() => void writeFile(path, ""), 300);
  assert.equal(await promise, undefined);
  clearInterval(writing);
  assert.match(logged.join("\n"), /^Cannot watch ".*", looking each second: /);
  assert.equal(logged.length, 1);
});

test("pollPath() sees a file that is written in place", async () => {
  await using files = await directory();
  const path = join(files.path, "marker");
  await writeFile(path, "1");
  const { promise, resolve } = Promise.withResolvers<void>();
  using _poll = pollPath(path, () => resolve());
  const writing = setInterval(() => void writeFile(path, "2"), 300);
  await promise;
  clearInterval(writing);
});
