import type { MessagePart } from "@posthouse/message";
import { limits } from "./limits.ts";
import type { StoredMessage } from "./types.ts";

/** A short message whose octets are in memory. */
export class ReadMessage implements StoredMessage {
  readonly sizeBytes: number;
  readonly octets: Uint8Array;
  readonly #parts: () => Promise<MessagePart>;

  constructor(octets: Uint8Array, parts: () => Promise<MessagePart>) {
    this.sizeBytes = octets.length;
    this.octets = octets;
    this.#parts = parts;
  }

  async *read(start = 0, end = this.sizeBytes): AsyncGenerator<Uint8Array> {
    const last = Math.min(end, this.sizeBytes);
    for (let at = start; at < last; at += limits.readChunkBytes) {
      yield this.octets.subarray(at, Math.min(at + limits.readChunkBytes, last));
    }
  }

  parts(): Promise<MessagePart> {
    return this.#parts();
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}
