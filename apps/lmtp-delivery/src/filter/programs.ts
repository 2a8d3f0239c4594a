import type { Program, ProgramCache } from "@posthouse/sieve";

/** Scripts as programs. The language, some 100 modules, is loaded with the first: on many hosts nobody has a filter. */
export class Programs {
  readonly #extensions: ReadonlySet<string> | undefined;
  #cache: Promise<ProgramCache> | undefined;

  /** `extensions`: those that may be required; all that there are, when it is left out. */
  constructor(extensions?: ReadonlySet<string>) {
    this.#extensions = extensions;
  }

  /** @throws SieveScriptError */
  async compile(script: Uint8Array): Promise<Program> {
    return (await this.cache()).compile(script);
  }

  cache(): Promise<ProgramCache> {
    this.#cache ??= this.#openCache();
    return this.#cache;
  }

  async #openCache(): Promise<ProgramCache> {
    const { ProgramCache } = await import("@posthouse/sieve");
    const extensions = this.#extensions;
    return new ProgramCache(extensions === undefined ? {} : { extensions });
  }
}
