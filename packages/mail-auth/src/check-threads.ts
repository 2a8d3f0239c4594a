import { Worker } from "node:worker_threads";
import { limits } from "./limits.ts";
import type { LookedUp, LookUp } from "./look-up.ts";
import type { CheckedMessage, FromThread, MessageOrigin, ToThread } from "./thread-messages.ts";

/** The threads cannot check this message. The message itself is not to blame. */
export class CheckFailed extends Error {
  override readonly name = "CheckFailed";
}

type Ask = (question: LookUp) => Promise<LookedUp>;

/**
 * Gives each message to the thread that has the fewest; a thread starts when all others have work, and ends when it
 * had none for a while.
 */
export class CheckThreads implements AsyncDisposable {
  readonly #threadsMax: number;
  readonly #threads = new Set<CheckThread>();

  constructor(threadsMax: number) {
    this.#threadsMax = threadsMax;
  }

  /** @throws CheckFailed, and what `octets` throws */
  async check(
    origin: MessageOrigin,
    octets: AsyncIterable<Uint8Array>,
    ask: Ask,
  ): Promise<CheckedMessage> {
    return await this.#thread().check(origin, octets, ask);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#threads].map((thread) => thread.end("The checks were stopped")));
  }

  #thread(): CheckThread {
    const [least] = [...this.#threads].toSorted((a, b) => a.checks - b.checks);
    const isBusy = least === undefined || least.checks > 0;
    if (!isBusy || (least !== undefined && this.#threads.size >= this.#threadsMax)) return least;
    const thread = new CheckThread(() => this.#threads.delete(thread));
    this.#threads.add(thread);
    return thread;
  }
}

interface Check extends PromiseWithResolvers<CheckedMessage> {
  readonly ask: Ask;
  chunksAhead: number;
  mayGoOn: (() => void) | undefined;
  /** The thread has said its last word, maybe before it saw all octets. */
  isOver: boolean;
}

/** One thread and what is under way in it. One that hangs or dies takes its checks along, no more. */
class CheckThread {
  readonly #worker: Worker;
  readonly #ended: () => void;
  readonly #exited: Promise<void>;
  readonly #checks = new Map<number, Check>();
  #lastId = 0;
  #idle: NodeJS.Timeout | undefined;

  constructor(ended: () => void) {
    this.#ended = ended;
    this.#worker = new Worker(new URL("./check-thread.ts", import.meta.url));
    this.#worker.on("message", (message: FromThread) => this.#hear(message));
    this.#worker.on("error", (cause) => this.#fail("The thread that checks mail failed", cause));
    this.#exited = new Promise((resolve) => {
      this.#worker.once("exit", () => {
        this.#fail("The thread that checks mail ended");
        resolve();
      });
    });
    this.#worker.unref();
  }

  get checks(): number {
    return this.#checks.size;
  }

  async check(
    origin: MessageOrigin,
    octets: AsyncIterable<Uint8Array>,
    ask: Ask,
  ): Promise<CheckedMessage> {
    clearTimeout(this.#idle);
    if (this.checks >= limits.checksMax) throw new CheckFailed("Too many messages are checked now");
    const id = ++this.#lastId;
    const check: Check = {
      ...Promise.withResolvers<CheckedMessage>(),
      ask,
      chunksAhead: 0,
      mayGoOn: undefined,
      isOver: false,
    };
    this.#checks.set(id, check);
    // When the octets fail, nobody waits for it any more.
    check.promise.catch(() => undefined);
    let timer: NodeJS.Timeout | undefined;
    try {
      this.#tell({ kind: "message", id, origin });
      await this.#pass(id, check, octets);
      const hangs = `A check took longer than ${limits.checkMs} ms`;
      timer = setTimeout(() => void this.end(hangs), limits.checkMs);
      return await check.promise;
    } finally {
      clearTimeout(timer);
      this.#checks.delete(id);
      if (this.checks === 0) this.#endWhenIdle();
    }
  }

  #endWhenIdle(): void {
    clearTimeout(this.#idle);
    this.#idle = setTimeout(() => void this.end("It was idle"), limits.threadIdleMs).unref();
  }

  async end(reason: string): Promise<void> {
    clearTimeout(this.#idle);
    this.#fail(reason);
    await this.#worker.terminate();
    await this.#exited;
  }

  async #pass(id: number, check: Check, octets: AsyncIterable<Uint8Array>): Promise<void> {
    try {
      for await (const chunk of octets) {
        // Copied once, and then moved: the sender still needs its own.
        const moved = Uint8Array.from(chunk);
        this.#tell({ kind: "octets", id, octets: moved }, [moved.buffer]);
        if (++check.chunksAhead < limits.chunksAheadMax) continue;
        const { promise, resolve } = Promise.withResolvers<void>();
        check.mayGoOn = resolve;
        await promise;
        if (check.isOver) return;
      }
    } catch (error) {
      this.#tell({ kind: "abandon", id });
      throw error;
    }
    this.#tell({ kind: "end", id });
  }

  #hear(message: FromThread): void {
    const check = this.#checks.get(message.id);
    if (check === undefined) return;
    switch (message.kind) {
      case "taken":
        check.chunksAhead--;
        check.mayGoOn?.();
        return;
      case "question":
        void this.#answer(message, check);
        return;
      case "checked":
        check.resolve(message.checked);
        end(check);
        return;
      case "failed":
        check.reject(new CheckFailed("Cannot check a message", { cause: message.error }));
        end(check);
        return;
    }
  }

  async #answer(
    { id, question, lookUp }: Extract<FromThread, { kind: "question" }>,
    { ask, reject }: Check,
  ): Promise<void> {
    try {
      this.#tell({ kind: "answer", id, question, answer: await ask(lookUp) });
    } catch (cause) {
      reject(new CheckFailed("Cannot ask the DNS", { cause }));
    }
  }

  #fail(reason: string, cause?: unknown): void {
    this.#ended();
    for (const check of this.#checks.values()) {
      check.reject(new CheckFailed(reason, { cause }));
      end(check);
    }
  }

  #tell(message: ToThread, moved: readonly ArrayBuffer[] = []): void {
    this.#worker.postMessage(message, [...moved]);
  }
}

function end(check: Check): void {
  check.isOver = true;
  check.mayGoOn?.();
}
