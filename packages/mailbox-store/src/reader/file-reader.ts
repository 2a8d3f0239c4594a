import { Worker } from "node:worker_threads";
import { limits } from "../limits.ts";
import type { ReadReply, ReadRequest } from "./read-jobs.ts";

export interface WantedFile {
  readonly path: string;
  readonly lengthMax: number;
}

type Read = readonly (Uint8Array | undefined)[];

interface Waiting {
  readonly files: readonly WantedFile[];
  resolve(read: Read): void;
}

/**
 * The event loop's side of the thread that reads message files.
 *
 * By way of libuv's pool a file takes three trips, to open, read and close it, each of which wakes a thread
 * and then the event loop: 1,000 messages of 5 KiB took 400 ms. One question to a thread for 256 KiB of them
 * makes that 20. Long files stay with the pool, which reads them in pieces as a client takes them.
 */
export class FileReader implements AsyncDisposable {
  readonly #waiting = new Map<number, Waiting>();
  #worker: Worker | undefined;
  #idle: NodeJS.Timeout | undefined;
  #lastNumber = 0;
  /** The last question when the timer last looked. */
  #lastSeen = 0;
  #isClosed = false;

  /** Those that could be read; undefined for others. At most `lengthMax` octets of each. */
  read(files: readonly WantedFile[]): Promise<Read> {
    if (files.length === 0 || this.#isClosed) return Promise.resolve(files.map(() => undefined));
    this.#worker ??= this.#begin();
    this.#lastNumber += 1;
    const number = this.#lastNumber;
    const { promise, resolve } = Promise.withResolvers<Read>();
    // A process lives on for what it has asked, and not for a thread that rests.
    if (this.#waiting.size === 0) this.#worker.ref();
    this.#waiting.set(number, { files, resolve });
    this.#worker.postMessage({
      number,
      paths: files.map(({ path }) => path),
      lengthsMax: files.map(({ lengthMax }) => lengthMax),
    } satisfies ReadRequest);
    return promise;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    await this.#end();
  }

  #begin(): Worker {
    const worker = new Worker(new URL("./file-reader-thread.ts", import.meta.url), {
      name: "mailbox-store reader",
    });
    worker.on("message", (reply: ReadReply) => this.#settle(reply));
    // What it was asked for is then read one by one, and the next question begins another.
    worker.on("error", () => this.#forget(worker));
    worker.on("exit", () => this.#forget(worker));
    this.#idle = setInterval(() => this.#endIfIdle(), limits.readerThreadIdleMs).unref();
    return worker;
  }

  #settle({ number, octets, lengths }: ReadReply): void {
    const waiting = this.#waiting.get(number);
    this.#waiting.delete(number);
    if (this.#waiting.size === 0) this.#worker?.unref();
    let at = 0;
    waiting?.resolve(
      waiting.files.map(({ lengthMax }, index) => {
        const length = lengths[index] ?? -1;
        const start = at;
        at += lengthMax;
        return length < 0 ? undefined : new Uint8Array(octets, start, length);
      }),
    );
  }

  /** A thread is some 10 MiB, and for hours nobody may read. */
  #endIfIdle(): void {
    const isIdle = this.#waiting.size === 0 && this.#lastSeen === this.#lastNumber;
    this.#lastSeen = this.#lastNumber;
    if (isIdle) void this.#end();
  }

  async #end(): Promise<void> {
    const worker = this.#worker;
    if (worker === undefined) return;
    this.#forget(worker);
    await worker.terminate();
  }

  #forget(worker: Worker): void {
    if (this.#worker !== worker) return;
    this.#worker = undefined;
    clearInterval(this.#idle);
    for (const waiting of this.#waiting.values()) {
      waiting.resolve(waiting.files.map(() => undefined));
    }
    this.#waiting.clear();
  }
}
