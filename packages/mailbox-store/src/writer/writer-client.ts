import { crc32 } from "node:zlib";
import { limits } from "../limits.ts";
import { StoreError } from "../store-error.ts";
import type { BatchReply, JobName, Jobs, WriterOptions } from "./jobs.ts";
import { WriterThread } from "./writer-thread-client.ts";

/** A job that grows with the mailbox, and may take seconds. */
export interface JobWeight {
  readonly isLong?: boolean;
}

/**
 * The event loop's side of the writer threads.
 *
 * Quick ones are for everything that takes a moment. An account has always the same of them, so that its
 * jobs stay in order and share commits; accounts of different threads wait for the disk at the same time.
 * A quick thread begins with its first account: a small server has one or two.
 *
 * One more, there only while it is needed, is for long jobs, so that a COPY of 100,000 messages holds up
 * nobody's deliveries but its own account's. An account is with one thread at a time, or the two would
 * wait for each other's transactions: from its first long job until the last of its jobs there is done,
 * all of them go to the slow thread, in order. Those that come while the quick thread still has work of
 * the account are held until that is done.
 */
export class WriterClient implements AsyncDisposable {
  readonly #start: () => WriterThread;
  readonly #quick: (WriterThread | undefined)[];
  readonly #held = new Map<string, ((thread: WriterThread) => void)[]>();
  readonly #closing = new Set<Promise<void>>();
  #slow: WriterThread | undefined;
  #isClosed = false;
  #slowIdle: NodeJS.Timeout | undefined;

  constructor(
    threadsMax: number,
    options: WriterOptions,
    onReply: (reply: BatchReply) => void,
    log: (text: string) => void,
  ) {
    this.#start = () =>
      new WriterThread(options, log, (reply) => {
        // First whoever is woken, then whoever waits: both find the index as this reply left it.
        onReply(reply);
        return () => this.#releaseHeld(reply.accountPath);
      });
    this.#quick = Array.from({ length: threadsMax }, () => undefined);
  }

  /** Resolves when the job is durable. */
  async run<Name extends JobName>(
    name: Name,
    accountPath: string,
    args: Jobs[Name]["args"],
    weight: JobWeight = {},
  ): Promise<Jobs[Name]["result"]> {
    if (this.#isClosed) throw new StoreError("unavailable", "The store is closed");
    const held = this.#held.get(accountPath);
    const isSlowNow = this.#slow?.hasWorkOf(accountPath) === true;
    if (held === undefined && !isSlowNow) {
      const quick = this.#quickThread(accountPath);
      if (weight.isLong !== true) return quick.run(name, accountPath, args);
      if (!quick.hasWorkOf(accountPath)) return this.#slowThread().run(name, accountPath, args);
    }
    if (held === undefined && isSlowNow) return this.#slowThread().run(name, accountPath, args);
    return new Promise((resolve) => {
      const dispatch = (thread: WriterThread) => resolve(thread.run(name, accountPath, args));
      if (held === undefined) this.#held.set(accountPath, [dispatch]);
      else held.push(dispatch);
    });
  }

  /** After everything that was asked for is done. */
  async [Symbol.asyncDispose](): Promise<void> {
    clearTimeout(this.#slowIdle);
    this.#isClosed = true;
    // What is held goes to the slow thread when the quick ones are done.
    await Promise.all(this.#quick.map(async (thread) => await thread?.close()));
    for (const accountPath of this.#held.keys()) this.#releaseHeld(accountPath);
    await this.#slow?.close();
    await Promise.all(this.#closing);
    clearTimeout(this.#slowIdle);
  }

  #releaseHeld(accountPath: string): void {
    const held = this.#held.get(accountPath);
    if (held === undefined) return;
    if (this.#quick[this.#placeOf(accountPath)]?.hasWorkOf(accountPath) === true) return;
    this.#held.delete(accountPath);
    for (const dispatch of held) dispatch(this.#slowThread());
  }

  #placeOf(accountPath: string): number {
    return crc32(accountPath) % this.#quick.length;
  }

  #quickThread(accountPath: string): WriterThread {
    const at = this.#placeOf(accountPath);
    const thread = this.#quick[at];
    // One that died has failed its jobs; those that come now find another.
    if (thread !== undefined && !thread.hasFailed) return thread;
    const started = this.#start();
    this.#quick[at] = started;
    return started;
  }

  #slowThread(): WriterThread {
    if (this.#slow === undefined || this.#slow.hasFailed) this.#slow = this.#start();
    clearTimeout(this.#slowIdle);
    this.#slowIdle = setTimeout(() => this.#closeIdle(), limits.slowThreadIdleMs).unref();
    return this.#slow;
  }

  /** A thread is some 15 MiB, and for hours there may be no long job. */
  #closeIdle(): void {
    const slow = this.#slow;
    if (slow === undefined) return;
    if (!slow.isIdle) {
      this.#slowThread();
      return;
    }
    this.#slow = undefined;
    const closing = slow.close().finally(() => this.#closing.delete(closing));
    this.#closing.add(closing);
  }
}
