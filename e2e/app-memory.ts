import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { eventually } from "./eventually.ts";
import { run } from "./program.ts";
import type { Suite } from "./suite.ts";

export interface AppMemory {
  /** What is really held: V8's heap in use and what hangs on it. */
  readonly heldMib: number;
  /** With what the allocators keep for later; breathes with the traffic. */
  readonly residentMib: number;
}

/** As each app itself says it, on its status socket. */
export async function memoryOfApps(
  suite: Suite,
  apps: readonly string[],
): Promise<Record<string, AppMemory>> {
  const entries = apps.map(async (app) => {
    const socket = join(suite.directory, "run", `${app}.status.sock`);
    const { stdout } = await run("curl", [
      "--silent",
      "--unix-socket",
      socket,
      "http://app/metrics",
    ]);
    const mib = (name: string) =>
      Number(new RegExp(`^${name}\\{[^}]*\\} (\\S+)`, "m").exec(stdout)?.[1]) / 1024 ** 2;
    const heldMib = mib("nodejs_heap_size_used_bytes") + mib("nodejs_external_memory_bytes");
    return [app, { heldMib, residentMib: mib("process_resident_memory_bytes") }] as const;
  });
  return Object.fromEntries(await Promise.all(entries));
}

/** For startSuite(): its apps can be asked by memoryCollected(). */
export const collectingEnv = (directory: string): NodeJS.ProcessEnv => ({
  POSTHOUSE_BENCH_DIRECTORY: directory,
  NODE_OPTIONS: `--import=${join(import.meta.dirname, "..", "bench", "memory-on-signal.ts")}`,
});

/** What V8 says of a process that was started with collectingEnv(), after it has collected its garbage. */
export async function memoryCollected(directory: string, pid: number): Promise<NodeJS.MemoryUsage> {
  const path = join(directory, `memory.${pid}`);
  await rm(path, { force: true });
  process.kill(pid, "SIGUSR2");
  return await eventually("the app has said what it holds", async () => {
    const text = await readFile(path, "utf8").catch(() => "");
    return text.endsWith("}") && (JSON.parse(text) as NodeJS.MemoryUsage);
  });
}
