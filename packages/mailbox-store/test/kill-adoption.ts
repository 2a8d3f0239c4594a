import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import type { AdoptionOptions } from "../src/adopt/adopt-mail.ts";

/** Takes a tree over in a process of its own, which is killed at this row of the crash table. */
export async function killAdoption(options: AdoptionOptions, row: string): Promise<void> {
  const child = spawn(
    process.execPath,
    [
      new URL("./adopt-child.ts", import.meta.url).pathname,
      JSON.stringify({ ...options, crashAt: row }),
    ],
    { stdio: "inherit" },
  );
  const [, signal] = (await once(child, "exit")) as [number | null, string | null];
  assert.equal(signal, "SIGKILL", "the process came to this row");
}
