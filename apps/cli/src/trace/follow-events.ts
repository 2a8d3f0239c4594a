import { watch } from "node:fs";
import { open, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { parseEvent, type TrailEvent } from "./read-events.ts";

/** inotify wakes at once; where it does not, this often is looked. */
const POLL_MS = 1000;
/** Octets of one look at one file: the rest comes with the next. */
const CHUNK_BYTES = 256 * 1024;

/**
 * Every event that is recorded from now on and `isWanted`, until `signal` aborts. Of files that are there only what
 * is appended counts; what is half a line is read when it is whole.
 */
export async function* followEvents(
  directory: string,
  isWanted: (line: string) => boolean,
  signal: AbortSignal,
): AsyncGenerator<TrailEvent> {
  const ends = new Map<string, number>();
  for (const name of await trailFiles(directory))
    ends.set(name, await sizeOf(join(directory, name)));
  using bell = new Bell(directory, signal);
  while (!signal.aborted) {
    for (const name of await trailFiles(directory)) {
      for await (const line of appended(join(directory, name), name, ends)) {
        const event = isWanted(line) ? parseEvent(line) : undefined;
        if (event !== undefined) yield event;
      }
    }
    await bell.rung();
  }
}

/** Whole lines behind where it was read to, and the new end. */
async function* appended(
  path: string,
  name: string,
  ends: Map<string, number>,
): AsyncGenerator<string> {
  for (;;) {
    const from = ends.get(name) ?? 0;
    const text = await readFrom(path, from);
    const length = text.lastIndexOf(0x0a) + 1;
    if (length === 0) {
      // A line that is longer than a look is nobody's event.
      if (text.length === CHUNK_BYTES) ends.set(name, from + text.length);
      else return;
    }
    ends.set(name, from + length);
    yield* text.toString("utf8", 0, length).split("\n").slice(0, -1);
  }
}

async function readFrom(path: string, from: number): Promise<Buffer> {
  try {
    await using file = await open(path);
    const { bytesRead, buffer } = await file.read(Buffer.alloc(CHUNK_BYTES), 0, CHUNK_BYTES, from);
    return buffer.subarray(0, bytesRead);
  } catch (error) {
    if (isGone(error)) return Buffer.alloc(0);
    throw error;
  }
}

async function trailFiles(directory: string): Promise<string[]> {
  try {
    return (await readdir(directory)).filter((name) => name.endsWith(".jsonl")).sort();
  } catch (error) {
    if (isGone(error)) return [];
    throw error;
  }
}

async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if (isGone(error)) return 0;
    throw error;
  }
}

const isGone = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === "ENOENT";

/** Rings when something in a directory changed, and now and then anyway. */
class Bell implements Disposable {
  readonly #watcher: { close(): void } | undefined;
  readonly #signal: AbortSignal;
  #hasRung = false;
  #wake: () => void = () => undefined;

  constructor(directory: string, signal: AbortSignal) {
    this.#signal = signal;
    signal.addEventListener("abort", () => this.#ring(), { once: true });
    try {
      this.#watcher = watch(directory, () => this.#ring()).on("error", () => undefined);
    } catch {
      // Not there yet, or no more watches: what remains is to look.
    }
  }

  async rung(): Promise<void> {
    if (!this.#hasRung && !this.#signal.aborted) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      const timer = setTimeout(resolve, POLL_MS);
      await promise;
      clearTimeout(timer);
    }
    this.#hasRung = false;
  }

  [Symbol.dispose](): void {
    this.#watcher?.close();
  }

  #ring(): void {
    this.#hasRung = true;
    this.#wake();
  }
}
