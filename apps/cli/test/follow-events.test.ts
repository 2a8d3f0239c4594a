import assert from "node:assert/strict";
import { appendFile, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { followEvents } from "../src/trace/follow-events.ts";

const line = (n: number) =>
  `${JSON.stringify({ v: 1, atMs: n, app: "x", type: "delivered", n })}\n`;

test("events are told as they are appended, in whole lines, also of files that are new", async () => {
  const directory = await mkdtemp(join(tmpdir(), "posthouse-events-"));
  try {
    const old = join(directory, "2026-11-28.x.1.jsonl");
    await writeFile(old, line(0));
    const stopped = new AbortController();
    const events = followEvents(directory, (text) => !text.includes('"n":3'), stopped.signal);
    const next = async () => (await events.next()).value?.n;

    const first = next();
    // Whatever is there when it begins is not told: so it is written when it has begun.
    while ((await Promise.race([first, turn()])) === undefined) {
      await appendFile(old, line(1));
      await turn();
    }
    assert.equal(await first, 1);
    await writeFile(
      join(directory, "2026-11-29.x.1.jsonl"),
      `${line(2)}${line(3)}${line(4).slice(0, 9)}`,
    );
    let told = await next();
    while (told === 1) told = await next();
    assert.equal(told, 2);
    const half = next();
    await appendFile(join(directory, "2026-11-29.x.1.jsonl"), line(4).slice(9));
    assert.equal(await half, 4);
    const end = next();
    stopped.abort();
    assert.equal(await end, undefined);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
});

const turn = () => new Promise<undefined>((resolve) => setImmediate(() => resolve(undefined)));
