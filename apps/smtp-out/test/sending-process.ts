import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { SendingHost } from "./sending-host.ts";

export interface ProcessOptions {
  readonly instance?: string;
  /** Where it kills itself: see die-at.ts. */
  readonly dieAt?: string;
}

/** smtp-out as a process of its own, by its own main.ts; resolves when it serves. */
export async function startProcess(
  { context, toml }: SendingHost,
  { instance, dieAt }: ProcessOptions = {},
): Promise<ChildProcess> {
  const configFile = join(context.directory, "posthouse.toml");
  await writeFile(configFile, toml);
  const main = new URL("../src/main.ts", import.meta.url).pathname;
  const loaded =
    dieAt === undefined ? [] : ["--import", new URL("./die-at.ts", import.meta.url).href];
  const named = instance === undefined ? [] : ["--instance", instance];
  const args = [...loaded, main, "--config", configFile, ...named];
  const child = spawn(process.execPath, args, {
    stdio: ["ignore", "ignore", "inherit", "ipc"],
    env: { ...process.env, ...(dieAt !== undefined && { POSTHOUSE_DIE_AT: dieAt }) },
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
