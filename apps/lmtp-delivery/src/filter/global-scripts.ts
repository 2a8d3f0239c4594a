import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Config, Logger } from "@posthouse/service";
import type { Program } from "@posthouse/sieve";
import { isScriptName, SieveScriptError } from "@posthouse/sieve/check";
import type { Programs } from "./programs.ts";

/** The scripts of the administrator: those around everybody's own, and those for `include :global`. */
export class GlobalScripts {
  readonly #config: Config["sieve"];
  readonly #compiled: Programs;
  readonly #log: Logger;

  constructor(config: Config["sieve"], compiled: Programs, log: Logger) {
    this.#config = config;
    this.#compiled = compiled;
    this.#log = log;
  }

  before(): Promise<readonly Program[]> {
    return this.#programs(this.#config.beforeFiles);
  }

  after(): Promise<readonly Program[]> {
    return this.#programs(this.#config.afterFiles);
  }

  async include(name: string): Promise<Uint8Array | undefined> {
    const { globalDirectory } = this.#config;
    // A name that could lead out of the folder names nothing.
    if (globalDirectory === undefined || !isScriptName(name) || /^\.|[/\\]/.test(name))
      return undefined;
    try {
      return await readFile(join(globalDirectory, `${name}.sieve`));
    } catch {
      return undefined;
    }
  }

  /** One that cannot be read or has an error is left out, and logged: mail goes on. */
  async #programs(paths: readonly string[]): Promise<readonly Program[]> {
    const programs: Program[] = [];
    for (const path of paths) {
      try {
        programs.push(await this.#compiled.compile(await readFile(path)));
      } catch (error) {
        const why = error instanceof SieveScriptError ? error.message : (error as Error).message;
        this.#log.error(`The filter "${path}" of [sieve] is left out: ${why}`);
      }
    }
    return programs;
  }
}
