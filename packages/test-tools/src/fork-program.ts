import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

export interface ForkedProgram {
  readonly child: ChildProcess;
  /** What it sent when it was ready. */
  readonly ready: unknown;
  /** Resolves with its exit code and signal. */
  readonly exited: Promise<unknown[]>;
  /** Resolves with the first line of its output that fits, and that has not been asked for yet. */
  readonly said: (pattern: RegExp) => Promise<RegExpExecArray>;
}

/** Runs a program that sends its parent a message when it is ready, as apps do. */
export async function forkProgram(path: string, args: readonly string[]): Promise<ForkedProgram> {
  const child = fork(path, args, { stdio: ["ignore", "pipe", "inherit", "ipc"], execArgv: [] });
  const exited = once(child, "exit");
  const lines: string[] = [];
  const waiting: (() => void)[] = [];
  createInterface({ input: child.stdout as NodeJS.ReadableStream }).on("line", (line) => {
    lines.push(line);
    for (const wake of waiting.splice(0)) wake();
  });
  const [ready] = (await once(child, "message")) as [unknown];
  return {
    child,
    ready,
    exited,
    async said(pattern) {
      for (;;) {
        for (const [at, line] of lines.entries()) {
          const match = pattern.exec(line);
          if (match === null) continue;
          lines.splice(at, 1);
          return match;
        }
        await new Promise<void>((wake) => waiting.push(wake));
      }
    },
  };
}
