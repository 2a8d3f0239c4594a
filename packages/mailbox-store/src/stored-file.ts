import { type FileHandle, open } from "node:fs/promises";
import type { MessagePart } from "@posthouse/message";
import { CrlfConverter } from "./crlf.ts";
import { limits } from "./limits.ts";
import { errnoOf } from "./maildir/durable-file.ts";
import { StoreError } from "./store-error.ts";
import type { StoredMessage } from "./types.ts";

/** undefined when there is no such file now. */
export async function openIfThere(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, "r");
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw new StoreError("unavailable", `Cannot open "${path}": ${(error as Error).message}`, {
      cause: error,
    });
  }
}

/** One message's file, open. It can be read to its end also after another program has removed it. */
export class StoredFile implements StoredMessage {
  readonly sizeBytes: number;
  readonly #handle: FileHandle;
  readonly #isLf: boolean;
  readonly #parts: () => Promise<MessagePart>;

  constructor(
    handle: FileHandle,
    about: { readonly sizeBytes: number; readonly isLf: boolean },
    parts: () => Promise<MessagePart>,
  ) {
    this.#handle = handle;
    this.sizeBytes = about.sizeBytes;
    this.#isLf = about.isLf;
    this.#parts = parts;
  }

  async *read(start = 0, end = this.sizeBytes): AsyncGenerator<Uint8Array> {
    if (this.#isLf) yield* slice(this.#readAsCrlf(), start, end);
    else yield* this.#readRaw(start, end);
  }

  parts(): Promise<MessagePart> {
    return this.#parts();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#handle.close();
  }

  async *#readRaw(start: number, end: number): AsyncGenerator<Uint8Array> {
    for (let at = start; at < end; ) {
      const chunk = Buffer.allocUnsafe(Math.min(limits.readChunkBytes, end - at));
      const { bytesRead } = await this.#try(this.#handle.read(chunk, 0, chunk.length, at));
      if (bytesRead === 0) return;
      at += bytesRead;
      yield chunk.subarray(0, bytesRead);
    }
  }

  /** From the beginning on: where an octet is in the file depends on every line end before it. */
  async *#readAsCrlf(): AsyncGenerator<Uint8Array> {
    const converter = new CrlfConverter();
    for await (const chunk of this.#readRaw(0, Number.POSITIVE_INFINITY)) {
      const converted = converter.convert(chunk);
      for (let at = 0; at < converted.length; at += limits.readChunkBytes) {
        yield converted.subarray(at, at + limits.readChunkBytes);
      }
    }
  }

  async #try<Result>(call: Promise<Result>): Promise<Result> {
    try {
      return await call;
    } catch (error) {
      throw new StoreError("unavailable", `Cannot read a message: ${(error as Error).message}`, {
        cause: error,
      });
    }
  }
}

async function* slice(
  chunks: AsyncIterable<Uint8Array>,
  start: number,
  end: number,
): AsyncGenerator<Uint8Array> {
  let at = 0;
  for await (const chunk of chunks) {
    if (at >= end) return;
    const piece = chunk.subarray(Math.max(start - at, 0), Math.max(end - at, 0));
    at += chunk.length;
    if (piece.length > 0) yield piece;
  }
}
