import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { promisify } from "node:util";

test("a process that opens the writer has no native addon and no database in it", async () => {
  const code = `
    await import("@posthouse/queue/writer");
    console.log(JSON.stringify(process.report.getReport().sharedObjects));`;
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ["--input-type=module", "--eval", code],
    { cwd: import.meta.dirname },
  );
  const objects = JSON.parse(stdout) as string[];
  assert.ok(objects.length > 0);
  assert.deepEqual(
    objects.filter((path) => path.endsWith(".node")),
    [],
  );
});
