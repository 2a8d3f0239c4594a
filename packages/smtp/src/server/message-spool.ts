import { randomBytes } from "node:crypto";
import { type FileHandle, mkdir, open, unlink } from "node:fs/promises";
import { join } from "node:path";
import { serverLimits } from "./limits.ts";

const READ_BYTES = 128 * 1024;

/** The message cannot be kept while it is received: disk full or no rights. 452 4.3.1 in SMTP. */
export class SpoolUnavailable extends Error {
  override readonly name = "SpoolUnavailable";
}

/**
 * One message on its way through a process: in memory up to a bound, what is beyond in a file. It may
 * be read any number of times, also at the same time.
 *
 * The file has no name from the moment it is open, so that nothing is left of it whatever becomes of
 * the process. Nothing here is durable, and nobody may be told 250 because of it.
 */
export class MessageSpool implements AsyncDisposable {
  readonly #directory: string;
  readonly #memoryBytesMax: number;
  #chunks: Uint8Array[] = [];
  #head: Buffer = Buffer.alloc(0);
  #headBytes = 0;
  #fileBytes = 0;
  #file: FileHandle | undefined;

  constructor(directory: string, memoryBytesMax: number = serverLimits.spoolMemoryBytesMax) {
    this.#directory = directory;
    this.#memoryBytesMax = memoryBytesMax;
  }

  /** The octets that are in memory: the beginning of the message, all of it when it is small. */
  get head(): Buffer {
    return this.#head;
  }

  get sizeBytes(): number {
    return this.#head.length + this.#fileBytes;
  }

  /** Takes the whole message. @throws SpoolUnavailable, and what `octets` throws */
  async receive(octets: AsyncIterable<Uint8Array>): Promise<void> {
    for await (const chunk of octets) {
      if (this.#file === undefined && this.#headBytes + chunk.length <= this.#memoryBytesMax) {
        this.#chunks.push(chunk);
        this.#headBytes += chunk.length;
      } else await this.#append(chunk);
    }
    this.#head = Buffer.concat(this.#chunks);
    this.#chunks = [];
  }

  /** Changes the beginning: a header field more or less. */
  replaceHead(head: Buffer): void {
    this.#head = head;
  }

  /** `before`, then the message; with another beginning in place of `head`, where one is given. */
  async *octets(before?: Uint8Array, head: Uint8Array = this.#head): AsyncGenerator<Uint8Array> {
    if (before !== undefined && before.length > 0) yield before;
    if (head.length > 0) yield head;
    for (let at = 0; at < this.#fileBytes; ) {
      const piece = await this.#read(at);
      at += piece.length;
      yield piece;
    }
  }

  /** The octets from start up to end, which is exclusive. */
  async range(start: number, end: number): Promise<Buffer> {
    const inHead = this.#head.subarray(start, Math.min(end, this.#head.length));
    const pieces: Buffer[] = [inHead];
    let at = Math.max(start, this.#head.length);
    while (at < Math.min(end, this.sizeBytes)) {
      const piece = await this.#read(at - this.#head.length);
      pieces.push(piece.subarray(0, end - at));
      at += piece.length;
    }
    return pieces.length === 1 ? inHead : Buffer.concat(pieces);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    await file?.close();
  }

  async #append(chunk: Uint8Array): Promise<void> {
    try {
      this.#file ??= await openNameless(this.#directory);
      for (let done = 0; done < chunk.length; ) {
        const { bytesWritten } = await this.#file.write(chunk, done);
        done += bytesWritten;
      }
      this.#fileBytes += chunk.length;
    } catch (cause) {
      throw new SpoolUnavailable(`Cannot keep a message in "${this.#directory}"`, { cause });
    }
  }

  async #read(at: number): Promise<Buffer> {
    const buffer = Buffer.allocUnsafe(Math.min(READ_BYTES, this.#fileBytes - at));
    const { bytesRead = 0 } = (await this.#file?.read(buffer, 0, buffer.length, at)) ?? {};
    if (bytesRead === 0) {
      throw new SpoolUnavailable(`Cannot read a message back from "${this.#directory}"`);
    }
    return buffer.subarray(0, bytesRead);
  }
}

async function openNameless(directory: string): Promise<FileHandle> {
  await mkdir(directory, { recursive: true });
  const path = join(directory, `${process.pid}.${randomBytes(8).toString("hex")}`);
  const file = await open(path, "wx+", 0o600);
  await unlink(path);
  return file;
}
