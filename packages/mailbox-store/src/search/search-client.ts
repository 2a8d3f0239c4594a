import { Worker } from "node:worker_threads";
import { StoreError } from "../store-error.ts";
import type { SearchOptions, SearchReply, SearchRequest, SearchResult } from "./search-jobs.ts";

interface Waiting {
  resolve(result: SearchResult): void;
  reject(error: StoreError): void;
}

/** The event loop's side of the search thread, which is begun with the first search. */
export class SearchClient implements AsyncDisposable {
  readonly #options: SearchOptions;
  readonly #log: (text: string) => void;
  readonly #waiting = new Map<number, Waiting>();
  #thread: { readonly worker: Worker; readonly exited: Promise<void> } | undefined;
  #lastNumber = 0;
  #isClosed = false;

  constructor(options: SearchOptions, log: (text: string) => void) {
    this.#options = options;
    this.#log = log;
  }

  search(request: Omit<SearchRequest, "number">): Promise<SearchResult> {
    if (this.#isClosed) return Promise.reject(new StoreError("unavailable", "The store is closed"));
    this.#thread ??= this.#begin();
    this.#lastNumber += 1;
    const number = this.#lastNumber;
    const { worker } = this.#thread;
    return new Promise((resolve, reject) => {
      this.#waiting.set(number, { resolve, reject });
      worker.postMessage({ number, ...request });
    });
  }

  /** Does not wait for searches: nobody is there to be told. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    await this.#thread?.worker.terminate();
    await this.#thread?.exited;
  }

  #begin(): { readonly worker: Worker; readonly exited: Promise<void> } {
    const worker = new Worker(new URL("./search-thread.ts", import.meta.url), {
      workerData: this.#options,
      name: "mailbox-store search",
    });
    worker.on("message", (reply: SearchReply) => this.#settle(reply));
    worker.on("error", (error) => {
      this.#log(`The search thread has died: ${error.stack ?? error.message}`);
    });
    const exited = new Promise<void>((resolve) => {
      worker.on("exit", () => {
        this.#thread = undefined;
        this.#failAll();
        resolve();
      });
    });
    return { worker, exited };
  }

  #settle(reply: SearchReply): void {
    const waiting = this.#waiting.get(reply.number);
    this.#waiting.delete(reply.number);
    if ("code" in reply) waiting?.reject(new StoreError(reply.code, reply.message));
    else waiting?.resolve(reply.result);
  }

  #failAll(): void {
    const failure = new StoreError("unavailable", "The search thread has ended");
    for (const waiting of this.#waiting.values()) waiting.reject(failure);
    this.#waiting.clear();
  }
}
