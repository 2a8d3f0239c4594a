import { watch } from "node:fs";
import { open, readdir, unlink } from "node:fs/promises";
import { join } from "node:path";

/** A leftover of a writer that was killed is removed when it is as old as this. */
const LEFTOVER_MS = 24 * 3600 * 1000;

/** What was left to do, the oldest first. */
export class SpoolReader {
  readonly #directory: string;
  readonly #bytesMax: number;

  constructor(options: { readonly directory: string; readonly bytesMax: number }) {
    this.#directory = options.directory;
    this.#bytesMax = options.bytesMax;
  }

  /** Names, in the order of time. */
  async list(nowMs = Date.now()): Promise<readonly string[]> {
    const all = await readdir(this.#directory);
    for (const name of all) {
      const [, writtenMs] = /^tmp-(\d+)-/.exec(name) ?? [];
      if (writtenMs !== undefined && nowMs - Number(writtenMs) > LEFTOVER_MS) {
        await this.remove(name);
      }
    }
    return all.filter((name) => /^\d+-\d+-[\da-f]+-[\da-zA-Z]*$/.test(name)).toSorted();
  }

  /** When it was written. */
  static timeOf(name: string): number {
    return Number(name.slice(0, name.indexOf("-")));
  }

  /** Undefined where it is gone, or larger than anything of ours. */
  async read(name: string): Promise<string | undefined> {
    try {
      await using file = await open(join(this.#directory, name), "r");
      if ((await file.stat()).size > this.#bytesMax) return undefined;
      return await file.readFile("utf8");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      throw error;
    }
  }

  async remove(name: string): Promise<void> {
    try {
      await unlink(join(this.#directory, name));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    }
  }

  /** Calls when something may have changed; it only wakes. Where it cannot watch it calls never. */
  watch(wake: () => void): Disposable {
    try {
      const watcher = watch(this.#directory, { persistent: false }, wake);
      watcher.on("error", () => watcher.close());
      return { [Symbol.dispose]: () => watcher.close() };
    } catch {
      return { [Symbol.dispose]: () => {} };
    }
  }
}
