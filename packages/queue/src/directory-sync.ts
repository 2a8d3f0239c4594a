import { closeSync } from "node:fs";
import { fileCalls } from "./file-calls.ts";

/**
 * Makes the names in one directory durable, and shares the work: all who ask while one fsync(2) runs
 * are served together by the next one. Never by the running one: it may have passed their name already.
 */
export class DirectorySync {
  readonly #path: string;
  #descriptor: Promise<number> | undefined;
  #running: Promise<void> | undefined;
  #next: Promise<void> | undefined;

  constructor(path: string) {
    this.#path = path;
  }

  sync(): Promise<void> {
    if (this.#running === undefined) return this.#start();
    this.#next ??= this.#running.then(
      () => this.#start(),
      () => this.#start(),
    );
    return this.#next;
  }

  async close(): Promise<void> {
    await Promise.allSettled([this.#running, this.#next]);
    const descriptor = await this.#descriptor?.catch(() => undefined);
    this.#descriptor = undefined;
    if (descriptor !== undefined) closeSync(descriptor);
  }

  #start(): Promise<void> {
    this.#next = undefined;
    const running = this.#fsync().finally(() => {
      if (this.#running === running) this.#running = undefined;
    });
    this.#running = running;
    return running;
  }

  async #fsync(): Promise<void> {
    this.#descriptor ??= fileCalls.open(this.#path, "r");
    try {
      await fileCalls.sync(await this.#descriptor);
    } catch (error) {
      // The next one who asks opens it anew: the directory may have been put back.
      const broken = this.#descriptor;
      this.#descriptor = undefined;
      await broken.then(closeSync).catch(() => undefined);
      throw error;
    }
  }
}
