import { Worker } from "node:worker_threads";
import { limits } from "../limits.ts";
import { StoreError } from "../store-error.ts";
import type { FillOptions, FillReply, FillRequest } from "./search-jobs.ts";

interface Waiting {
  resolve(): void;
  reject(error: StoreError): void;
}

/** Where one account stands between being asked for and being filled. */
interface Wanted {
  isDamaged: boolean;
  /** Asked for once more while it was being filled. */
  isWantedAgain: boolean;
  timer: NodeJS.Timeout | undefined;
  /** Questions to the thread that it has not answered. */
  asked: number;
  readonly waiting: Waiting[];
}

/** The event loop's side of the filling thread, which is begun when there is something to fill. */
export class FillClient implements AsyncDisposable {
  readonly #options: FillOptions;
  readonly #log: (text: string) => void;
  readonly #wanted = new Map<string, Wanted>();
  #thread: { readonly worker: Worker; readonly exited: Promise<void> } | undefined;
  #isClosed = false;

  constructor(options: FillOptions, log: (text: string) => void) {
    this.#options = options;
    this.#log = log;
  }

  /** Something in the account has changed. Once for many changes, and after a while. */
  note(accountPath: string, options: { readonly isDamaged?: boolean } = {}): void {
    const wanted = this.#wantedOf(accountPath);
    wanted.isDamaged ||= options.isDamaged === true;
    wanted.isWantedAgain = true;
    if (wanted.timer === undefined) this.#askLater(accountPath, wanted, limits.searchFillDelayMs);
  }

  /** At once; resolves when all that the account has is in its search text. */
  fill(accountPath: string): Promise<void> {
    const wanted = this.#wantedOf(accountPath);
    wanted.isWantedAgain = true;
    return new Promise((resolve, reject) => {
      wanted.waiting.push({ resolve, reject });
      this.#askLater(accountPath, wanted, 0);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    for (const { timer } of this.#wanted.values()) clearTimeout(timer);
    this.#thread?.worker.postMessage("close" satisfies FillRequest);
    await this.#thread?.exited;
    const closed = new StoreError("unavailable", "The store is closed");
    for (const { waiting } of this.#wanted.values()) {
      for (const one of waiting) one.reject(closed);
    }
    this.#wanted.clear();
  }

  #wantedOf(accountPath: string): Wanted {
    const wanted = this.#wanted.get(accountPath) ?? {
      isDamaged: false,
      isWantedAgain: false,
      timer: undefined,
      asked: 0,
      waiting: [],
    };
    this.#wanted.set(accountPath, wanted);
    return wanted;
  }

  #askLater(accountPath: string, wanted: Wanted, ms: number): void {
    clearTimeout(wanted.timer);
    wanted.timer = setTimeout(() => this.#ask(accountPath, wanted), ms);
    if (wanted.waiting.length === 0) wanted.timer.unref();
  }

  #ask(accountPath: string, wanted: Wanted): void {
    if (this.#isClosed) return;
    this.#thread ??= this.#begin();
    const { isDamaged } = wanted;
    wanted.isDamaged = false;
    wanted.isWantedAgain = false;
    wanted.asked += 1;
    this.#thread.worker.postMessage({ accountPath, isDamaged } satisfies FillRequest);
  }

  #begin(): { readonly worker: Worker; readonly exited: Promise<void> } {
    const worker = new Worker(new URL("./fill-thread.ts", import.meta.url), {
      workerData: this.#options,
      name: "mailbox-store search text",
      resourceLimits: { maxYoungGenerationSizeMb: limits.threadYoungMib },
    });
    // A process whose work is done does not live on for this.
    worker.unref();
    worker.on("message", (reply: FillReply) => {
      if (reply.kind === "log") this.#log(reply.text);
      else if (reply.kind === "failed") this.#noteFailed(reply);
      else this.#noteFilled(reply);
    });
    worker.on("error", (error) => {
      this.#log(`The thread that fills search texts has died: ${error.stack ?? error.message}`);
    });
    const exited = new Promise<void>((resolve) => {
      worker.on("exit", () => {
        this.#thread = undefined;
        this.#retryAll();
        resolve();
      });
    });
    return { worker, exited };
  }

  #noteFilled(reply: Extract<FillReply, { kind: "filled" }>): void {
    const { accountPath, next } = reply;
    const wanted = this.#answered(accountPath);
    if (wanted === undefined) return;
    if (next === "again") {
      this.#askLater(accountPath, wanted, limits.searchFillBusyMs);
      return;
    }
    const waiting = wanted.waiting.splice(0);
    if (wanted.isWantedAgain) this.#askLater(accountPath, wanted, limits.searchFillDelayMs);
    else this.#wanted.delete(accountPath);
    for (const one of waiting) one.resolve();
  }

  #noteFailed({ accountPath, reason }: Extract<FillReply, { kind: "failed" }>): void {
    this.#log(reason);
    const wanted = this.#answered(accountPath);
    if (wanted === undefined) return;
    const waiting = wanted.waiting.splice(0);
    this.#askLater(accountPath, wanted, limits.searchFillFailedMs);
    for (const one of waiting) one.reject(new StoreError("unavailable", reason));
  }

  /** undefined while a later question is open: only its answer says that all is done. */
  #answered(accountPath: string): Wanted | undefined {
    const wanted = this.#wanted.get(accountPath);
    if (wanted === undefined || this.#isClosed) return undefined;
    wanted.asked -= 1;
    return wanted.asked > 0 ? undefined : wanted;
  }

  /** What the thread was asked for when it ended is asked for again. */
  #retryAll(): void {
    if (this.#isClosed) return;
    for (const [accountPath, wanted] of this.#wanted) {
      wanted.asked = 0;
      this.#askLater(accountPath, wanted, limits.searchFillBusyMs);
    }
  }
}
