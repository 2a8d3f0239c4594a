import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

test("the front door loads no native addon", async () => {
  const script = `
    const { dlopen } = process;
    process.dlopen = (...args) => { console.log("loaded", args[1]); return dlopen(...args); };
    await import("@posthouse/accounts");
    console.log("done");`;
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ["--input-type=module", "--eval", script],
    { cwd: fileURLToPath(new URL("..", import.meta.url)) },
  );
  assert.equal(stdout, "done\n");
});
