/**
 * Carries a message from the session that receives it to the handler that stores it: one chunk at a
 * time, the next when the one before was taken. A chunk that is pushed before anyone reads waits here.
 */
export class MessageBody implements AsyncIterable<Uint8Array> {
  #chunk: Uint8Array | undefined;
  #state: "open" | "ended" | "failed" | "unwanted" = "open";
  #error: Error | undefined;
  #readerWaits: (() => void) | undefined;
  #writerWaits: (() => void) | undefined;

  /** A promise when the reader has to catch up first. */
  push(chunk: Uint8Array): Promise<void> | undefined {
    if (this.#state !== "open" || chunk.length === 0) return undefined;
    this.#chunk = chunk;
    this.#wakeReader();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#writerWaits = resolve;
    return promise;
  }

  /** As push(), for the last chunk: nobody needs to wait for it to be taken. */
  end(lastChunk?: Uint8Array): void {
    if (this.#state !== "open") return;
    if (lastChunk !== undefined && lastChunk.length > 0) this.#chunk = lastChunk;
    this.#state = "ended";
    this.#wakeReader();
  }

  /** The reader sees `error` next, also when a chunk still waits. */
  fail(error: Error): void {
    if (this.#state !== "open") return;
    this.#state = "failed";
    this.#error = error;
    this.#chunk = undefined;
    this.#wakeReader();
    this.#wakeWriter();
  }

  /** Nobody will read on: what is still pushed is thrown away. */
  discard(): void {
    if (this.#state === "open") this.#state = "unwanted";
    this.#chunk = undefined;
    this.#wakeWriter();
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    return {
      next: () => this.#next(),
      return: () => {
        this.discard();
        return Promise.resolve({ done: true, value: undefined });
      },
    };
  }

  async #next(): Promise<IteratorResult<Uint8Array>> {
    for (;;) {
      if (this.#error !== undefined) throw this.#error;
      const chunk = this.#chunk;
      if (chunk !== undefined) {
        this.#chunk = undefined;
        this.#wakeWriter();
        return { done: false, value: chunk };
      }
      if (this.#state !== "open") return { done: true, value: undefined };
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#readerWaits = resolve;
      await promise;
    }
  }

  #wakeReader(): void {
    const wake = this.#readerWaits;
    this.#readerWaits = undefined;
    wake?.();
  }

  #wakeWriter(): void {
    const wake = this.#writerWaits;
    this.#writerWaits = undefined;
    wake?.();
  }
}
