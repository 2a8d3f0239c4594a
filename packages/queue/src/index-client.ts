import { Worker } from "node:worker_threads";
import type { IndexDatabase } from "./index-database.ts";
import { limits } from "./limits.ts";
import { QueueUnavailable } from "./queue-unavailable.ts";

type Methods = Omit<IndexDatabase, "batch" | "close">;

export interface IndexCall {
  readonly method: keyof Methods;
  readonly parameters: readonly unknown[];
}

export type IndexReply = PromiseSettledResult<unknown>;

interface WaitingCall extends IndexCall, PromiseWithResolvers<unknown> {}

/** Connections stand still until these are answered. */
const urgent: ReadonlySet<keyof Methods> = new Set<keyof Methods>(["claim", "claimCompanions"]);

/**
 * The index in a thread of its own, so that neither a checkpoint nor another process's transaction
 * ever stops the event loop. While the thread works on one group of calls the next one gathers: the
 * busier it is, the more calls share one transaction. A group costs more than the calls in it (two threads
 * are woken, a transaction is written), so that one that is not urgent does not follow the last one at once.
 */
export class IndexClient {
  readonly #worker: Worker;
  readonly #exited: Promise<void>;
  #waiting: WaitingCall[] = [];
  #running: WaitingCall[] = [];
  #isUrgent = false;
  #lastSentMs = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;
  #immediate: NodeJS.Immediate | undefined;
  #failure: QueueUnavailable | undefined;

  constructor(path: string) {
    this.#worker = new Worker(new URL("./index-worker.ts", import.meta.url), {
      workerData: { path },
    });
    this.#worker.on("message", (replies: IndexReply[]) => this.#settle(replies));
    this.#worker.on("error", (cause) => this.#fail(cause));
    this.#exited = new Promise((resolve) => {
      this.#worker.once("exit", () => {
        this.#fail(new Error("Its thread ended"));
        resolve();
      });
    });
  }

  /** Rejects with QueueUnavailable when the index cannot be read or written. */
  call<Name extends keyof Methods>(
    method: Name,
    ...parameters: Parameters<Methods[Name]>
  ): Promise<ReturnType<Methods[Name]>> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    const call = { method, parameters, ...Promise.withResolvers<unknown>() };
    this.#waiting.push(call);
    this.#isUrgent ||= urgent.has(method);
    this.#sendSoon();
    return call.promise as Promise<ReturnType<Methods[Name]>>;
  }

  /** After all that was asked before it. */
  async close(): Promise<void> {
    while (this.#waiting.length + this.#running.length > 0) {
      await Promise.allSettled([...this.#waiting, ...this.#running].map(({ promise }) => promise));
    }
    this.#worker.postMessage("close");
    await this.#exited;
  }

  #sendSoon(): void {
    if (this.#waiting.length === 0 || this.#running.length > 0) return;
    const restMs = this.#lastSentMs + limits.indexGatherMs - performance.now();
    if (this.#isUrgent || restMs <= 0) this.#immediate ??= setImmediate(() => this.#send());
    else this.#timer ??= setTimeout(() => this.#send(), restMs);
  }

  #send(): void {
    clearTimeout(this.#timer);
    clearImmediate(this.#immediate);
    this.#timer = undefined;
    this.#immediate = undefined;
    this.#isUrgent = false;
    this.#lastSentMs = performance.now();
    this.#running = this.#waiting;
    this.#waiting = [];
    this.#worker.postMessage(
      this.#running.map(({ method, parameters }) => ({ method, parameters })),
    );
  }

  #settle(replies: IndexReply[]): void {
    const calls = this.#running;
    this.#running = [];
    for (const [n, call] of calls.entries()) {
      const reply = replies[n];
      if (reply?.status === "fulfilled") call.resolve(reply.value);
      else call.reject(unavailable(reply?.reason));
    }
    this.#sendSoon();
  }

  #fail(cause: unknown): void {
    this.#failure ??= unavailable(cause);
    for (const call of [...this.#running, ...this.#waiting]) call.reject(this.#failure);
    this.#running = [];
    this.#waiting = [];
  }
}

function unavailable(cause: unknown): QueueUnavailable {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new QueueUnavailable(`Cannot use the queue's index: ${reason}`, { cause });
}
