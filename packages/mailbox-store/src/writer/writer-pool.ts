import type { BatchReply, JobName, Jobs, WriterOptions } from "./jobs.ts";
import { WriterClient } from "./writer-client.ts";

/**
 * The writer threads of a process. An account has always the same one, so that its jobs stay in order
 * and share commits; accounts of different threads wait for the disk at the same time, and none waits
 * for the large job of another. A thread begins with its first account: a small server has one or two.
 */
export class WriterPool implements AsyncDisposable {
  readonly #threads: (WriterClient | undefined)[];
  readonly #start: () => WriterClient;

  constructor(
    threadsMax: number,
    options: WriterOptions,
    onReply: (reply: BatchReply) => void,
    log: (text: string) => void,
  ) {
    this.#threads = new Array(threadsMax).fill(undefined);
    this.#start = () => new WriterClient(options, onReply, log);
  }

  /** Resolves when the job is durable. */
  run<Name extends JobName>(
    name: Name,
    accountPath: string,
    args: Jobs[Name]["args"],
  ): Promise<Jobs[Name]["result"]> {
    const at = hashOf(accountPath) % this.#threads.length;
    this.#threads[at] ??= this.#start();
    return this.#threads[at].run(name, accountPath, args);
  }

  /** After everything that was asked for is done. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#threads.map((thread) => thread?.[Symbol.asyncDispose]()));
  }
}

/** FNV-1a: spreads names that differ in one character. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  }
  return hash >>> 0;
}
