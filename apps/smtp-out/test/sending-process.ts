import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { SendingHost } from "./sending-host.ts";

/** smtp-out as a process of its own, by its own main.ts; resolves when it serves. */
export async function startProcess(
  { context, toml }: SendingHost,
  ...more: readonly string[]
): Promise<ChildProcess> {
  const configFile = join(context.directory, "posthouse.toml");
  await writeFile(configFile, toml);
  const main = new URL("../src/main.ts", import.meta.url).pathname;
  const child = spawn(process.execPath, [main, "--config", configFile, ...more], {
    stdio: ["ignore", "ignore", "inherit", "ipc"],
  });
  await once(child, "message");
  return child;
}

export async function killed(child: ChildProcess): Promise<void> {
  child.kill("SIGKILL");
  if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
}

/** By SIGTERM, as its supervisor does; gives its exit code. */
export async function ended(child: ChildProcess): Promise<number | null> {
  child.kill("SIGTERM");
  const [exitCode] = (await once(child, "exit")) as [number | null];
  return exitCode;
}
