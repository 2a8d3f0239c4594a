import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import type { StoreModel } from "./store-model.ts";
import type { StoreEvent, WorkerTask } from "./store-traffic.ts";

/** A process of store-worker.ts, whose words a model hears. */
export class WorkerProcess {
  /** Resolves at its first order, or when it has ended before. */
  readonly isWorking: Promise<unknown>;
  readonly ended: Promise<unknown>;
  /** What the store refused, which ends it. */
  readonly failures: string[] = [];
  readonly #process: ChildProcessByStdio<null, Readable, null>;

  constructor(task: WorkerTask, model: StoreModel) {
    const script = new URL("./store-worker.ts", import.meta.url).pathname;
    this.#process = spawn(process.execPath, [script, JSON.stringify(task)], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    this.ended = once(this.#process, "close");
    const started = Promise.withResolvers<void>();
    createInterface({ input: this.#process.stdout }).on("line", (line) => {
      // The last line may be half: it says that something would have been asked for.
      if (!line.endsWith("}")) return;
      const event = JSON.parse(line) as StoreEvent;
      if ("failed" in event) this.failures.push(event.failed);
      model.note(event);
      started.resolve();
    });
    this.isWorking = Promise.race([started.promise, this.ended]);
  }

  /** undefined when it was killed. */
  get exitCode(): number | null {
    return this.#process.exitCode;
  }

  async kill(): Promise<void> {
    this.#process.kill("SIGKILL");
    await this.ended;
  }
}
