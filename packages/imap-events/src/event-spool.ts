import { watch } from "node:fs";
import { open, readdir, unlink } from "node:fs/promises";
import { join } from "node:path";
import { type ImapEvent, parseEvent } from "./event.ts";
import { limits } from "./limits.ts";

/** What waits for its script, the oldest first. */
export class EventSpool {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** Names, in the order of time. Leftovers of writers that were killed go, when they are old. */
  async list(nowMs = Date.now()): Promise<readonly string[]> {
    const all = await readdir(this.#directory);
    for (const name of all) {
      const [, writtenMs] = /^tmp-(\d+)-/.exec(name) ?? [];
      if (writtenMs !== undefined && nowMs - Number(writtenMs) > limits.leftoverMs) {
        await this.remove(name);
      }
    }
    return all.filter((name) => /^\d+-\d+-[\da-f]+$/.test(name)).toSorted();
  }

  /** When it happened. */
  timeOf(name: string): number {
    return Number(name.slice(0, name.indexOf("-")));
  }

  /** Undefined where it is gone, or is none of ours. */
  async read(name: string): Promise<ImapEvent | undefined> {
    try {
      await using file = await open(join(this.#directory, name), "r");
      if ((await file.stat()).size > limits.eventBytesMax) return undefined;
      return parseEvent(await file.readFile("utf8"));
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

  /** Calls when something new may be there; it only wakes. Where it cannot watch it calls never. */
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
