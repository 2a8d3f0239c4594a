import { Worker } from "node:worker_threads";
import { limits } from "../limits.ts";
import { LockedError, StoreError } from "../store-error.ts";
import type { BatchReply, JobName, Jobs, WriterMessage, WriterOptions } from "./jobs.ts";

interface Waiting {
  readonly accountPath: string;
  resolve(result: unknown): void;
  reject(error: StoreError): void;
}

/** One writer thread, and who waits for it. */
export class WriterThread {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  readonly #jobsOfAccount = new Map<string, number>();
  readonly #onReply: (reply: BatchReply) => () => void;
  readonly #exited: Promise<void>;
  #lastNumber = 0;
  #failure: StoreError | undefined;

  /** `onReply` is called before those who wait are, and what it gives after them. */
  constructor(
    options: WriterOptions,
    log: (text: string) => void,
    onReply: (reply: BatchReply) => () => void,
  ) {
    this.#onReply = onReply;
    this.#worker = new Worker(new URL("./writer-thread.ts", import.meta.url), {
      workerData: options,
      name: "mailbox-store writer",
      resourceLimits: { maxYoungGenerationSizeMb: limits.threadYoungMib },
    });
    this.#worker.on("message", (message: WriterMessage) => {
      if (message.kind === "log") log(message.text);
      else this.#settle(message.reply);
    });
    this.#exited = new Promise((resolve) => {
      this.#worker.on("error", (error) => {
        log(`The writer thread has died: ${error.stack ?? error.message}`);
        this.#fail(`The writer thread has died: ${error.message}`);
      });
      this.#worker.on("exit", () => {
        this.#fail("The store is closed");
        resolve();
      });
    });
  }

  get hasFailed(): boolean {
    return this.#failure !== undefined;
  }

  get isIdle(): boolean {
    return this.#waiting.size === 0;
  }

  hasWorkOf(accountPath: string): boolean {
    return this.#jobsOfAccount.has(accountPath);
  }

  run<Name extends JobName>(
    name: Name,
    accountPath: string,
    args: Jobs[Name]["args"],
  ): Promise<Jobs[Name]["result"]> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    this.#lastNumber += 1;
    const number = this.#lastNumber;
    this.#jobsOfAccount.set(accountPath, (this.#jobsOfAccount.get(accountPath) ?? 0) + 1);
    return new Promise((resolve, reject) => {
      this.#waiting.set(number, { accountPath, resolve: resolve as Waiting["resolve"], reject });
      this.#worker.postMessage({ number, accountPath, name, args });
    });
  }

  /** After everything that was asked for is done. */
  async close(): Promise<void> {
    if (this.#failure === undefined) this.#worker.postMessage("close");
    await this.#exited;
  }

  #settle(reply: BatchReply): void {
    const after = this.#onReply(reply);
    for (const outcome of reply.outcomes) {
      const waiting = this.#waiting.get(outcome.number);
      if (waiting === undefined) continue;
      this.#waiting.delete(outcome.number);
      this.#countDown(waiting.accountPath);
      if ("code" in outcome) {
        const Kind = outcome.isLocked ? LockedError : StoreError;
        waiting.reject(new Kind(outcome.code, outcome.message));
      } else waiting.resolve(outcome.result);
    }
    after();
  }

  #countDown(accountPath: string): void {
    const left = (this.#jobsOfAccount.get(accountPath) ?? 1) - 1;
    if (left === 0) this.#jobsOfAccount.delete(accountPath);
    else this.#jobsOfAccount.set(accountPath, left);
  }

  #fail(reason: string): void {
    this.#failure ??= new StoreError("unavailable", reason);
    for (const waiting of this.#waiting.values()) waiting.reject(this.#failure);
    this.#waiting.clear();
    this.#jobsOfAccount.clear();
  }
}
