import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import type { Logger } from "@posthouse/service";

const DAY_MS = 24 * 3_600_000;
/** After a start there is better to do. */
const FIRST_MS = 3_600_000;

/** Runs `posthouse tidy` once a day, which under systemd is a timer's work. Nothing is in memory between. */
export class DailyTidy {
  readonly #arguments: readonly string[];
  readonly #log: Logger;
  #timer: NodeJS.Timeout | undefined;
  #child: ChildProcess | undefined;

  constructor(args: readonly string[], log: Logger) {
    this.#arguments = args;
    this.#log = log;
  }

  begin(): void {
    this.#timer = setTimeout(() => this.#run(), FIRST_MS).unref();
  }

  end(): void {
    clearTimeout(this.#timer);
    this.#child?.kill();
  }

  #run(): void {
    this.#timer = setTimeout(() => this.#run(), DAY_MS).unref();
    const main = join(import.meta.dirname, "..", "main.ts");
    const child = spawn(process.execPath, [main, "tidy", ...this.#arguments], {
      stdio: ["ignore", "inherit", "inherit"],
    });
    this.#child = child;
    child.once("exit", (code) => {
      if (code !== 0) this.#log.warn(`posthouse tidy ended with exit code ${code}`);
    });
    child.once("error", (err) => this.#log.warn({ err }, "Cannot run posthouse tidy"));
  }
}
