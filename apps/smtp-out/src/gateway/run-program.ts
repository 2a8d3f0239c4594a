import { type ChildProcess, type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import { basename } from "node:path";
import type { Reply } from "@posthouse/smtp";
import { limits } from "../limits.ts";
import { replyOfExit } from "./sysexits.ts";

export interface ProgramRun {
  /** Ends it, with all that it started. */
  readonly signal: AbortSignal;
  readonly environment: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
}

/**
 * Gives a program the message and takes its exit code for an answer. It runs without a shell, in a process
 * group of its own, which is killed as a whole when it takes too long.
 *
 * Whether it read all of the message is its affair: exit code 0 says that it has what it needs.
 */
export async function runProgram(
  [program = "", ...words]: readonly string[],
  octets: AsyncIterable<Buffer>,
  { signal, environment, timeoutMs = limits.programMs }: ProgramRun,
): Promise<Reply> {
  const name = basename(program);
  const child = spawn(program, words, {
    cwd: "/",
    detached: true,
    env: { PATH: process.env.PATH, ...environment },
    stdio: "pipe",
  });
  const output = new Output();
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => output.take(text));
    stream.on("error", () => undefined);
  }
  // It may go without having read all.
  child.stdin.on("error", () => undefined);
  const ended = exitOf(child);
  const stop = () => {
    killAll(child);
    // Held open by what it started and sent away, they would be waited for without end.
    for (const stream of [child.stdin, child.stdout, child.stderr]) stream.destroy();
  };
  const timer = setTimeout(stop, timeoutMs);
  signal.addEventListener("abort", stop);
  if (signal.aborted) stop();
  try {
    // Asked for at once, so that what goes wrong with the message is never an unhandled rejection.
    const [given, exit] = await Promise.allSettled([give(child, octets, ended), ended]);
    if (exit.status === "rejected") {
      const text = `Cannot run ${name}: ${(exit.reason as Error).message}`;
      return { code: 451, enhanced: "4.3.5", text };
    }
    // Our own fault: the lease ended, the file cannot be read. What the program got is not the message.
    if (given.status === "rejected") throw given.reason;
    return replyOfExit(name, exit.value, output.text());
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", stop);
  }
}

interface Exit {
  readonly code: number | null;
  readonly signal: string | null;
}

async function exitOf(child: ChildProcess): Promise<Exit> {
  const [code, signal] = (await once(child, "close")) as [number | null, string | null];
  return { code, signal };
}

/** Rejects when the message cannot be read; a program that does not want all of it is none of that. */
async function give(
  child: ChildProcessWithoutNullStreams,
  octets: AsyncIterable<Buffer>,
  ended: Promise<Exit>,
): Promise<void> {
  const { stdin } = child;
  try {
    for await (const chunk of octets) {
      if (!stdin.writable) return;
      if (!stdin.write(chunk))
        await Promise.race([once(stdin, "drain"), ended]).catch(() => undefined);
    }
  } catch (error) {
    // And its input stays open until it is dead: it would take the close for the end of the message.
    killAll(child);
    throw error;
  }
  stdin.end();
}

function killAll({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // It is over.
  }
}

/** What a program wrote: its last octets, in one line. */
class Output {
  #text = "";

  take(text: string): void {
    this.#text = (this.#text + text).slice(-limits.programOutputCharsMax);
  }

  text(): string {
    return this.#text.toWellFormed().trim().replaceAll(/\s+/gu, " ");
  }
}
