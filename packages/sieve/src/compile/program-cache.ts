import { createHash } from "node:crypto";
import { limits } from "../limits.ts";
import { SieveScriptError } from "../sieve-error.ts";
import { type CompileOptions, compileScript } from "./compile-script.ts";
import type { Program } from "./program.ts";

/**
 * Programs by the octets of their scripts: a script is compiled once, however many accounts have it.
 * What is wrong with a script is kept as well. The one that was not used for longest goes first.
 */
export class ProgramCache {
  readonly #options: CompileOptions;
  readonly #entries = new Map<
    string,
    { readonly result: Program | SieveScriptError; readonly bytes: number }
  >();
  #bytes = 0;

  constructor(options: CompileOptions = {}) {
    this.#options = options;
  }

  /** Throws SieveScriptError. */
  compile(script: Uint8Array): Program {
    const hash = createHash("sha256").update(script).digest("hex");
    const known = this.#entries.get(hash);
    const entry = known ?? { result: this.#compile(script), bytes: script.length };
    if (known === undefined) this.#bytes += entry.bytes;
    else this.#entries.delete(hash);
    this.#entries.set(hash, entry);
    this.#forget();
    if (entry.result instanceof SieveScriptError) throw entry.result;
    return entry.result;
  }

  #compile(script: Uint8Array): Program | SieveScriptError {
    try {
      return compileScript(script, this.#options);
    } catch (error) {
      if (error instanceof SieveScriptError) return error;
      throw error;
    }
  }

  #forget(): void {
    for (const [hash, { bytes }] of this.#entries) {
      const isOver =
        this.#entries.size > limits.cachedProgramsMax || this.#bytes > limits.cachedBytesMax;
      if (!isOver) return;
      this.#entries.delete(hash);
      this.#bytes -= bytes;
    }
  }
}
