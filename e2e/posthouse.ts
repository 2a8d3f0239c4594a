import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { type ProgramResult, run } from "./program.ts";

const cli = join(import.meta.dirname, "..", "apps", "cli", "src", "main.ts");

/** Nothing that is waited for in a log takes so long. */
const LOG_LINE_MS = 60_000;

/** The command line, run to its end. */
export const posthouse = (...args: string[]): Promise<ProgramResult> =>
  run(process.execPath, [cli, ...args]);

/** As posthouse(), with something on standard input. */
export const posthouseReading = (input: string, ...args: string[]): Promise<ProgramResult> =>
  run(process.execPath, [cli, ...args], { input });

/** What such a command printed. Fails with what it complained of. */
export async function succeeding(running: Promise<ProgramResult>): Promise<string> {
  const { code, stdout, stderr } = await running;
  if (code !== 0) throw new Error(`posthouse ended with ${code}: ${stdout}${stderr}`);
  return stdout;
}

/** A `posthouse local` or `posthouse up` that serves. */
export interface RunningPosthouse {
  readonly process: ChildProcess;
  /** What the servers have logged so far. */
  readonly log: readonly string[];
  /** Resolves with the next line that `is` says yes to; those already there do not count. */
  nextLogged(is: (line: string) => boolean): Promise<string>;
  /** The exit code; null when a signal ended it. */
  readonly exited: Promise<number | null>;
  /** Ctrl-C, and the exit code. */
  stop(): Promise<number | null>;
}

/** Starts one that serves until it is stopped; resolves when a line says `isReady`. */
export async function spawnPosthouse(
  args: readonly string[],
  isReady: (line: string) => boolean,
  env: NodeJS.ProcessEnv = {},
): Promise<RunningPosthouse> {
  const child = spawn(process.execPath, [cli, ...args], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, POSTHOUSE_LOG_FORMAT: "pretty", ...env },
  });
  const log: string[] = [];
  const watchers = new Set<(line: string) => void>();
  const nextLogged = async (is: (line: string) => boolean) => {
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    const timer = setTimeout(
      () => reject(new Error(`Waited in vain for a line behind\n${log.slice(-20).join("\n")}`)),
      LOG_LINE_MS,
    );
    const watch = (line: string) => {
      if (is(line)) resolve(line);
    };
    watchers.add(watch);
    try {
      return await promise;
    } finally {
      watchers.delete(watch);
      clearTimeout(timer);
    }
  };
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on("line", (line) => {
      log.push(line);
      for (const watch of watchers) watch(line);
    });
  }
  const exited = once(child, "exit").then(([code]) => code as number | null);
  await Promise.race([
    nextLogged(isReady),
    exited.then((code) => {
      throw new Error(`posthouse ${args[0]} ended with ${code}:\n${log.join("\n")}`);
    }),
  ]);
  return {
    process: child,
    log,
    nextLogged,
    exited,
    async stop() {
      child.kill("SIGINT");
      return await exited;
    },
  };
}
