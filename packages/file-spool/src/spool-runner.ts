import { setTimeout as sleep } from "node:timers/promises";
import { SpoolReader } from "./spool-reader.ts";

export interface SpoolRunnerOptions<Item> {
  readonly directory: string;
  readonly bytesMax: number;
  /** Undefined for what is none of ours. */
  readonly parse: (text: string) => Item | undefined;
  /** Those of the same lane are done one after the other. */
  readonly laneOf: (item: Item) => string;
  /** False when it is to be tried again. What it throws is unforeseen, and the item is given up. */
  readonly run: (item: Item, about: SpoolItem) => Promise<boolean>;
  readonly lanesMax: number;
  /** Before the second try of an item; twice as long before each further one, up to `retryMsMax`. */
  readonly retryMs: number;
  readonly retryMsMax: number;
  readonly log: {
    warn(about: object, text: string): void;
    error(about: object, text: string): void;
  };
}

export interface SpoolItem {
  /** The same when it is run again. */
  readonly name: string;
  readonly writtenMs: number;
  /** The process is about to end: what is left undone is done by the next one. */
  readonly signal: AbortSignal;
}

/** How often it is looked for what no watch told of. */
const SWEEP_MS = 60_000;

/**
 * Does what was left in a directory, lane by lane.
 *
 *   look ─▶ read what is new ─▶ its lane ─▶ run ─▶ remove ─▶ the next of the lane
 *                                  └── not now: wait ──┘
 */
export class SpoolRunner<Item> implements AsyncDisposable {
  readonly #options: SpoolRunnerOptions<Item>;
  readonly #reader: SpoolReader;
  readonly #lanes = new Map<string, { readonly name: string; readonly item: Item }[]>();
  readonly #running = new Set<Promise<void>>();
  /** Lanes that wait for one of those at work to make room. */
  readonly #turns: (() => void)[] = [];
  readonly #known = new Set<string>();
  readonly #closing = new AbortController();
  #atWork = 0;
  #looking: Promise<void> | undefined;
  #looksAgain = false;
  #watch: Disposable | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: SpoolRunnerOptions<Item>) {
    this.#options = options;
    this.#reader = new SpoolReader(options);
  }

  /** Does what waits, and from now on what comes. */
  begin(): void {
    this.#watch = this.#reader.watch(() => this.#look());
    this.#timer = setInterval(() => this.#look(), SWEEP_MS).unref();
    this.#look();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#watch?.[Symbol.dispose]();
    clearInterval(this.#timer);
    this.#closing.abort();
    for (const turn of this.#turns) turn();
    await this.#looking;
    await Promise.all(this.#running);
  }

  get #isClosed(): boolean {
    return this.#closing.signal.aborted;
  }

  #look(): void {
    this.#looksAgain = true;
    this.#looking ??= this.#lookWhileAsked().finally(() => {
      this.#looking = undefined;
    });
  }

  async #lookWhileAsked(): Promise<void> {
    while (this.#looksAgain && !this.#isClosed) {
      this.#looksAgain = false;
      try {
        for (const name of await this.#reader.list()) await this.#take(name);
      } catch (err) {
        const { directory, log } = this.#options;
        log.error({ err, directory }, "Cannot look for what is to be done");
      }
    }
  }

  async #take(name: string): Promise<void> {
    if (this.#known.has(name) || this.#isClosed) return;
    const { parse, laneOf, log, directory } = this.#options;
    const text = await this.#reader.read(name);
    const item = text === undefined ? undefined : parse(text);
    if (item === undefined) {
      log.warn({ name, directory }, "A file cannot be read, and is removed");
      await this.#reader.remove(name);
      return;
    }
    this.#known.add(name);
    const laneName = laneOf(item);
    const lane = this.#lanes.get(laneName);
    if (lane !== undefined) {
      lane.push({ name, item });
      return;
    }
    const own = [{ name, item }];
    this.#lanes.set(laneName, own);
    const work = this.#workOff(laneName, own).finally(() => this.#running.delete(work));
    this.#running.add(work);
  }

  /** Never rejects. */
  async #workOff(
    laneName: string,
    lane: { readonly name: string; readonly item: Item }[],
  ): Promise<void> {
    const { retryMs, retryMsMax } = this.#options;
    const { signal } = this.#closing;
    for (let failures = 0; lane[0] !== undefined; ) {
      const isDone = await this.#inTurn(lane[0]);
      if (signal.aborted) return;
      if (isDone) {
        lane.shift();
        failures = 0;
        continue;
      }
      const waitMs = Math.min(retryMs * 2 ** failures, retryMsMax);
      failures += 1;
      await sleep(waitMs, undefined, { ref: false, signal }).catch(() => undefined);
    }
    this.#lanes.delete(laneName);
  }

  async #inTurn(waiting: { readonly name: string; readonly item: Item }): Promise<boolean> {
    while (this.#atWork >= this.#options.lanesMax && !this.#isClosed) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#turns.push(resolve);
      await promise;
    }
    if (this.#isClosed) return false;
    this.#atWork += 1;
    try {
      return await this.#run(waiting);
    } finally {
      this.#atWork -= 1;
      this.#turns.shift()?.();
    }
  }

  async #run({ name, item }: { readonly name: string; readonly item: Item }): Promise<boolean> {
    const { run, log, directory } = this.#options;
    const { signal } = this.#closing;
    try {
      const writtenMs = SpoolReader.timeOf(name);
      if (!(await run(item, { name, writtenMs, signal }))) return false;
    } catch (err) {
      if (this.#isClosed) return false;
      log.error({ err, name, directory }, "What was to be done is given up");
    }
    try {
      await this.#reader.remove(name);
    } catch (err) {
      log.error({ err, name, directory }, "What was done will be done again");
    }
    this.#known.delete(name);
    return true;
  }
}
