import { Worker } from "node:worker_threads";
import { StoreError } from "../store-error.ts";
import type { BatchReply, JobName, Jobs, WriterMessage, WriterOptions } from "./jobs.ts";

interface Waiting {
  resolve(result: unknown): void;
  reject(error: StoreError): void;
}

/** The event loop's side of the writer thread. */
export class WriterClient implements AsyncDisposable {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  readonly #onReply: (reply: BatchReply) => void;
  #lastNumber = 0;
  #failure: StoreError | undefined;
  #exited: Promise<void>;

  constructor(
    options: WriterOptions,
    onReply: (reply: BatchReply) => void,
    log: (text: string) => void,
  ) {
    this.#onReply = onReply;
    this.#worker = new Worker(new URL("./writer-thread.ts", import.meta.url), {
      workerData: options,
      name: "mailbox-store writer",
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

  /** Resolves when the job is durable. */
  run<Name extends JobName>(
    name: Name,
    accountPath: string,
    args: Jobs[Name]["args"],
  ): Promise<Jobs[Name]["result"]> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    this.#lastNumber += 1;
    const number = this.#lastNumber;
    return new Promise((resolve, reject) => {
      this.#waiting.set(number, { resolve: resolve as Waiting["resolve"], reject });
      this.#worker.postMessage({ number, accountPath, name, args });
    });
  }

  /** After everything that was asked for is done. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#failure === undefined) this.#worker.postMessage("close");
    await this.#exited;
  }

  #settle(reply: BatchReply): void {
    // First whoever is woken, then whoever waits: both find the index as this reply left it.
    this.#onReply(reply);
    for (const outcome of reply.outcomes) {
      const waiting = this.#waiting.get(outcome.number);
      this.#waiting.delete(outcome.number);
      if ("code" in outcome) waiting?.reject(new StoreError(outcome.code, outcome.message));
      else waiting?.resolve(outcome.result);
    }
  }

  #fail(reason: string): void {
    this.#failure ??= new StoreError("unavailable", reason);
    for (const waiting of this.#waiting.values()) waiting.reject(this.#failure);
    this.#waiting.clear();
  }
}
