import { spawn } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { delimiter, isAbsolute, join } from "node:path";
import type { TestContext } from "node:test";

/** What a foreign program did. */
export interface ProgramResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

const searchPath = [
  ...(process.env.PATH ?? "").split(delimiter),
  "/usr/sbin",
  "/usr/lib/postfix/sbin",
];

/** Where Debian has put it; undefined when it is not installed. */
export function whereIs(program: string): string | undefined {
  const directories = isAbsolute(program) ? ["/"] : searchPath;
  return directories
    .map((directory) => join(directory, program))
    .find((path) => {
      try {
        accessSync(path, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

/**
 * True when all are to be met and installed. Otherwise the test is skipped with a sentence, but with
 * POSTHOUSE_FOREIGN=required, as .ci/run sets it, a missing program is a failure. Without it programs of
 * others are left out, also installed ones: they are a third of the time that all tests take.
 */
export function hasPrograms(test: TestContext, ...programs: string[]): boolean {
  const sentence = whatIsMissing(...programs);
  if (sentence !== undefined) test.skip(sentence);
  return sentence === undefined;
}

/** The sentence with which tests that need these are skipped; undefined when they are to run. */
export function whatIsMissing(...programs: string[]): string | undefined {
  if (!process.env.POSTHOUSE_FOREIGN) {
    return `it meets ${programs.join(", ")}: POSTHOUSE_FOREIGN=installed or required runs it`;
  }
  const missing = programs.filter((program) => whereIs(program) === undefined);
  if (missing.length === 0) return undefined;
  const sentence = `${missing.join(", ")} is not installed`;
  if (process.env.POSTHOUSE_FOREIGN === "required") throw new Error(sentence);
  return sentence;
}

/** Runs a program to its end, at most a minute. */
export function run(
  program: string,
  args: readonly string[],
  options: {
    readonly input?: string | Uint8Array;
    readonly env?: NodeJS.ProcessEnv;
    readonly cwd?: string;
  } = {},
): Promise<ProgramResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(whereIs(program) ?? program, args, {
      env: { ...process.env, ...options.env },
      cwd: options.cwd,
      timeout: 60_000,
    });
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    child.stdout.on("data", (piece: Buffer) => stdout.push(piece));
    child.stderr.on("data", (piece: Buffer) => stderr.push(piece));
    child.once("error", reject);
    child.once("close", (code) =>
      resolve({
        code,
        stdout: Buffer.concat(stdout).toString("latin1"),
        stderr: Buffer.concat(stderr).toString("latin1"),
      }),
    );
    child.stdin.on("error", () => {});
    child.stdin.end(options.input ?? "");
  });
}
