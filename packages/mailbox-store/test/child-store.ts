import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";

const compileCache = join(import.meta.dirname, "../../../node_modules/.cache/node-compile");

/** What a child process can be told to do with ann's account. */
export type ChildOrder =
  | { readonly do: "deliver"; readonly subjects: readonly string[] }
  | { readonly do: "lock" }
  | { readonly do: "fill" }
  | { readonly do: "copy" | "move"; readonly uids: readonly number[]; readonly to: string }
  | { readonly do: "append"; readonly to: string; readonly subjects: readonly string[] }
  | { readonly do: "flag" | "expunge"; readonly uids: readonly number[] }
  | { readonly do: "create" | "delete"; readonly name: string }
  | { readonly do: "replace"; readonly uid: number; readonly to: string; readonly subject: string }
  | { readonly do: "annotate"; readonly name?: string }
  | { readonly do: "rights"; readonly name: string }
  | { readonly do: "see"; readonly uids: readonly number[] }
  | { readonly do: "sharer"; readonly address: string }
  | { readonly do: "repair" }
  | { readonly do: "undelete" }
  | { readonly do: "rename"; readonly name: string; readonly to: string };

export type ChildAnswer = { readonly done: number } | { readonly failed: string };

/** Another process with the same mail directory open. */
export class ChildStore implements AsyncDisposable {
  readonly #process: ChildProcess;

  constructor(process: ChildProcess) {
    this.#process = process;
  }

  /** undefined when the process died of it. */
  async ask(order: ChildOrder): Promise<ChildAnswer | undefined> {
    const answered = once(this.#process, "message").then(([answer]) => answer as ChildAnswer);
    this.#process.send(order, () => undefined);
    return Promise.race([answered, this.#exited()]);
  }

  /** Without any chance to tidy up. */
  async kill(): Promise<void> {
    this.#process.kill("SIGKILL");
    await this.#exited();
  }

  /** Why it ended. */
  get signal(): NodeJS.Signals | null {
    return this.#process.signalCode;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#process.connected) this.#process.disconnect();
    await this.#exited();
  }

  async #exited(): Promise<undefined> {
    if (this.#process.exitCode === null && this.#process.signalCode === null) {
      await once(this.#process, "exit");
    }
    return undefined;
  }
}

/** Resolves when it has the account open, or has died opening it. */
export async function startChild(
  mailDirectory: string,
  crashAt?: string,
  expungedDays?: number,
): Promise<ChildStore> {
  const more = expungedDays === undefined ? [] : [`${expungedDays}`];
  const arguments_ = crashAt === undefined ? [mailDirectory] : [mailDirectory, crashAt, ...more];
  const child = fork(new URL("./child-main.ts", import.meta.url), arguments_, {
    // A child's life is mostly the compiling of its modules.
    env: { NODE_COMPILE_CACHE: compileCache, ...process.env },
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  await Promise.race([once(child, "message"), once(child, "exit")]);
  return new ChildStore(child);
}
