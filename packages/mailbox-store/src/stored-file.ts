import { type FileHandle, open } from "node:fs/promises";
import type { MessagePart } from "@posthouse/message";
import { type AboutOctets, MessageOctets, slice } from "./compression/message-octets.ts";
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

export interface AboutFile extends AboutOctets {
  /** Its lines end with LF, and are given out with CRLF. */
  readonly isLf: boolean;
}

/** One message's file, open. It can be read to its end also after another program has removed it. */
export class StoredFile implements StoredMessage {
  readonly sizeBytes: number;
  readonly #handle: FileHandle;
  readonly #octets: MessageOctets;
  readonly #isLf: boolean;
  readonly #parts: () => Promise<MessagePart>;

  private constructor(
    handle: FileHandle,
    octets: MessageOctets,
    about: AboutFile,
    parts: () => Promise<MessagePart>,
  ) {
    this.#handle = handle;
    this.#octets = octets;
    this.sizeBytes = about.sizeBytes;
    this.#isLf = about.isLf;
    this.#parts = parts;
  }

  /** The handle is the file's from now on; it is closed when the file turns out to be "unreadable". */
  static async open(
    handle: FileHandle,
    about: AboutFile,
    parts: () => Promise<MessagePart>,
  ): Promise<StoredFile> {
    try {
      return new StoredFile(handle, await MessageOctets.open(handle, about), about, parts);
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  async *read(start = 0, end = this.sizeBytes): AsyncGenerator<Uint8Array> {
    if (this.#isLf) yield* slice(this.#readAsCrlf(), start, end);
    else yield* this.#octets.read(start, end);
  }

  parts(): Promise<MessagePart> {
    return this.#parts();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#handle.close();
  }

  /** From the beginning on: where an octet is in the file depends on every line end before it. */
  async *#readAsCrlf(): AsyncGenerator<Uint8Array> {
    const converter = new CrlfConverter();
    for await (const chunk of this.#octets.read()) {
      const converted = converter.convert(chunk);
      for (let at = 0; at < converted.length; at += limits.readChunkBytes) {
        yield converted.subarray(at, at + limits.readChunkBytes);
      }
    }
  }
}
