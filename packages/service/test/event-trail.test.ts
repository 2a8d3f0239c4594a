import assert from "node:assert/strict";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { openEventTrail, testContext } from "@posthouse/service";

test("events of one process and day are one file, a JSON object a line, and old files go", async () => {
  await using context = await testContext();
  const directory = join(context.directory, "trail");
  let nowMs = Date.parse("2026-03-01T23:59:59Z");
  const trail = openEventTrail({
    directory,
    app: "imap",
    keepDays: 2,
    complain: (error) => assert.fail(String(error)),
    now: () => nowMs,
  });
  trail.record({ type: "login", account: "ann@example.test" });
  trail.record({ type: "logout", account: "ann@example.test" });
  await trail.flush();
  await writeFile(join(directory, "2026-02-27.imap.1.jsonl"), "");
  nowMs += 2000;
  trail.record({ type: "login", account: "bob@example.test" });
  await trail.flush();

  assert.deepEqual((await readdir(directory)).sort(), [
    `2026-03-01.imap.${process.pid}.jsonl`,
    `2026-03-02.imap.${process.pid}.jsonl`,
  ]);
  const lines = (await readFile(join(directory, `2026-03-01.imap.${process.pid}.jsonl`), "utf8"))
    .trim()
    .split("\n");
  assert.deepEqual(
    lines.map((line) => JSON.parse(line)),
    [
      { v: 1, atMs: nowMs - 2000, app: "imap", type: "login", account: "ann@example.test" },
      { v: 1, atMs: nowMs - 2000, app: "imap", type: "logout", account: "ann@example.test" },
    ],
  );
});

test("a trail that cannot be written complains and does not throw", async () => {
  const complaints: unknown[] = [];
  const trail = openEventTrail({
    directory: "/dev/null/trail",
    app: "imap",
    keepDays: 2,
    complain: (error) => complaints.push(error),
  });
  trail.record({ type: "login" });
  await trail.flush();
  assert.equal(complaints.length, 1);
});
