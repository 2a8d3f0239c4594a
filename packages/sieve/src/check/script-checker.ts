import { Worker } from "node:worker_threads";
import { limits } from "../limits.ts";
import { type Problem, SieveScriptError } from "../sieve-error.ts";
import type { CheckAnswer, CheckTask } from "./check-task.ts";

/** The thread did not answer. The script itself may be good. */
export class CheckUnavailable extends Error {
  override readonly name = "CheckUnavailable";
}

/**
 * Says what is wrong with scripts. A large one takes as long as half a second to compile: that is done in a
 * thread, one after the other, so that nobody else waits. The thread is there as long as it is used; the language
 * itself is loaded with the first script.
 */
export class ScriptChecker implements AsyncDisposable {
  #thread: CheckingThread | undefined;

  /** Its warnings. @throws SieveScriptError, CheckUnavailable */
  async check(script: Uint8Array): Promise<readonly Problem[]> {
    if (script.length <= limits.checkedAtOnceBytesMax) {
      const { compileScript } = await import("../compile/compile-script.ts");
      return compileScript(script).warnings;
    }
    this.#thread ??= new CheckingThread(() => {
      this.#thread = undefined;
    });
    const { problems, warnings } = await this.#thread.check(script);
    if (problems.length > 0) throw new SieveScriptError(problems);
    return warnings;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#thread?.end("Checks were stopped");
  }
}

class CheckingThread {
  readonly #worker: Worker;
  readonly #ended: () => void;
  readonly #waiting = new Map<number, PromiseWithResolvers<CheckAnswer>>();
  #lastId = 0;
  #idle: NodeJS.Timeout | undefined;

  constructor(ended: () => void) {
    this.#ended = ended;
    this.#worker = new Worker(new URL("./check-thread.ts", import.meta.url));
    this.#worker.unref();
    this.#worker.on("message", (answer: CheckAnswer) =>
      this.#waiting.get(answer.id)?.resolve(answer),
    );
    this.#worker.on("error", (cause) => void this.end("The thread failed", cause));
  }

  async check(script: Uint8Array): Promise<CheckAnswer> {
    clearTimeout(this.#idle);
    const id = ++this.#lastId;
    const waiting = Promise.withResolvers<CheckAnswer>();
    this.#waiting.set(id, waiting);
    const hangs = setTimeout(
      () => void this.end(`It took longer than ${limits.checkMs} ms`),
      limits.checkMs,
    );
    try {
      const task: CheckTask = { id, script: Uint8Array.from(script) };
      this.#worker.postMessage(task, [task.script.buffer as ArrayBuffer]);
      return await waiting.promise;
    } finally {
      clearTimeout(hangs);
      this.#waiting.delete(id);
      if (this.#waiting.size === 0) this.#endWhenIdle();
    }
  }

  async end(reason: string, cause?: unknown): Promise<void> {
    clearTimeout(this.#idle);
    this.#ended();
    for (const { reject } of this.#waiting.values()) {
      reject(new CheckUnavailable(`Cannot check a script: ${reason}`, { cause }));
    }
    await this.#worker.terminate();
  }

  #endWhenIdle(): void {
    this.#idle = setTimeout(() => void this.end("idle"), limits.checkingIdleMs).unref();
  }
}
