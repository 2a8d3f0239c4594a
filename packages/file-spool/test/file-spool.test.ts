import assert from "node:assert/strict";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { SpoolReader, SpoolRunner, SpoolUnavailable, SpoolWriter } from "../src/index.ts";

async function temporary() {
  const directory = await mkdtemp(join(tmpdir(), "posthouse-spool-"));
  const writer = new SpoolWriter({
    directory,
    filesMax: 6,
    groupMax: 2,
    bytesMax: 100,
    mode: 0o600,
  });
  const reader = new SpoolReader({ directory, bytesMax: 100 });
  const dispose = () => rm(directory, { recursive: true, force: true });
  return { directory, writer, reader, [Symbol.asyncDispose]: dispose };
}

const quiet = { warn: () => {}, error: () => {} };

test("files are read in the order in which they were written, until they are removed", async () => {
  await using spool = await temporary();
  for (const text of ["1", "2", "3"]) await spool.writer.write(text);
  const names = await spool.reader.list();
  assert.deepEqual(await Promise.all(names.map((name) => spool.reader.read(name))), [
    "1",
    "2",
    "3",
  ]);
  const [first = ""] = names;
  await spool.reader.remove(first);
  await spool.reader.remove(first);
  assert.equal((await spool.reader.list()).length, 2);
  assert.equal(await spool.reader.read(first), undefined);
});

test("no more than there may be are written, of all and of a group", async () => {
  await using spool = await temporary();
  const { writer } = spool;
  await writer.write("a", "ann");
  await writer.write("a", "ann");
  await assert.rejects(writer.write("a", "ann"), SpoolUnavailable);
  for (const group of ["bob", "bob", "", ""]) await writer.write("b", group);
  await assert.rejects(writer.write("c", "carl"), SpoolUnavailable);
  await assert.rejects(writer.write("c".repeat(101)), SpoolUnavailable);
  assert.equal((await readdir(spool.directory)).length, 6);
});

test("leftovers of a crash are passed over, and go when they are old", async () => {
  await using spool = await temporary();
  await writeFile(join(spool.directory, `tmp-${Date.now()}-000000001-ab-`), "half");
  assert.deepEqual(await spool.reader.list(), []);
  assert.equal((await readdir(spool.directory)).length, 1);
  await spool.reader.list(Date.now() + 25 * 3600 * 1000);
  assert.deepEqual(await readdir(spool.directory), []);
});

test("a directory that is not there is a sentence, and no failure of its own", async () => {
  const options = { directory: "/nowhere/at/all", filesMax: 1, bytesMax: 100, mode: 0o600 };
  await assert.rejects(new SpoolWriter(options).write("x"), SpoolUnavailable);
  using watching = new SpoolReader(options).watch(() => {});
  assert.ok(watching);
});

test("a lane goes on in order when it can, others meanwhile, and damage is removed", async () => {
  await using spool = await temporary();
  for (const text of ["a1", "b1", "?", "a2"]) await spool.writer.write(text);
  const done: string[] = [];
  const { promise: all, resolve } = Promise.withResolvers<void>();
  let failures = 2;
  await using runner = new SpoolRunner<string>({
    directory: spool.directory,
    bytesMax: 100,
    parse: (text) => (text === "?" ? undefined : text),
    laneOf: (text) => text.slice(0, 1),
    run: async (text) => {
      if (text === "a1" && failures > 0) {
        failures -= 1;
        return false;
      }
      done.push(text);
      if (text === "a3") resolve();
      if (text === "a2") throw new Error("nobody foresaw it");
      if (text === "a1") await spool.writer.write("a3");
      return true;
    },
    lanesMax: 1,
    retryMs: 1,
    retryMsMax: 2,
    log: quiet,
  });
  runner.begin();
  await all;
  assert.deepEqual(done, ["b1", "a1", "a2", "a3"]);
  await runner[Symbol.asyncDispose]();
  assert.deepEqual(await spool.reader.list(), []);
});

test("what was begun when the process ends is left for the next one", async () => {
  await using spool = await temporary();
  await spool.writer.write("slow");
  const { promise: begun, resolve } = Promise.withResolvers<void>();
  const runner = new SpoolRunner<string>({
    directory: spool.directory,
    bytesMax: 100,
    parse: (text) => text,
    laneOf: () => "",
    run: (_text, { signal }) => {
      const { promise, reject } = Promise.withResolvers<boolean>();
      signal.addEventListener("abort", () => reject(signal.reason as Error));
      resolve();
      return promise;
    },
    lanesMax: 1,
    retryMs: 1,
    retryMsMax: 2,
    log: quiet,
  });
  runner.begin();
  await begun;
  await runner[Symbol.asyncDispose]();
  assert.equal((await spool.reader.list()).length, 1);
});
