import { randomBytes } from "node:crypto";
import { type FileHandle, mkdir, open, unlink } from "node:fs/promises";
import { join } from "node:path";
import { compactOctets } from "@posthouse/message";
import { serverLimits } from "./limits.ts";
import { type SpoolMemory, sharedSpoolMemory } from "./spool-memory.ts";

const READ_BYTES = 128 * 1024;

/** The message cannot be kept while it is received: disk full or no rights. 452 4.3.1 in SMTP. */
export class SpoolUnavailable extends Error {
  override readonly name = "SpoolUnavailable";
}

/** How much of a message is in memory. */
export interface SpoolOptions {
  /** Of its beginning, which is looked at. */
  readonly memoryBytesMax?: number;
  /** For what comes behind. */
  readonly memory?: SpoolMemory;
}

/**
 * One message on its way through a process: its beginning in memory, what comes behind in memory too as long as
 * there is some, and the rest in a file. It may be read any number of times, also at the same time.
 *
 * The file has no name from the moment it is open, so that nothing is left of it whatever becomes of
 * the process. Nothing here is durable, and nobody may be told 250 because of it.
 */
export class MessageSpool implements AsyncDisposable {
  readonly #directory: string;
  readonly #memoryBytesMax: number;
  readonly #memory: SpoolMemory;
  #headPieces: Uint8Array[] = [];
  #head: Buffer = Buffer.alloc(0);
  #headBytes = 0;
  #isHeadWhole = false;
  /** Between the head and the file. */
  #middle: Uint8Array[] = [];
  #middleBytes = 0;
  #takenBytes = 0;
  #fileBytes = 0;
  #file: FileHandle | undefined;
  /** What has not been asked for yet. */
  #rest: AsyncGenerator<Uint8Array> | undefined;
  #passedOnBytes = 0;

  constructor(directory: string, options: SpoolOptions = {}) {
    this.#directory = directory;
    this.#memoryBytesMax = options.memoryBytesMax ?? serverLimits.spoolMemoryBytesMax;
    this.#memory = options.memory ?? sharedSpoolMemory;
  }

  /** The beginning of the message, all of it when it is small. */
  get head(): Buffer {
    return this.#head;
  }

  get sizeBytes(): number {
    return this.#head.length + this.#middleBytes + this.#fileBytes + this.#passedOnBytes;
  }

  /** Takes the whole message, and its chunks for its own. @throws SpoolUnavailable, and what `octets` throws */
  async receive(octets: AsyncIterable<Uint8Array>): Promise<void> {
    await this.receiveHead(octets);
    await this.receiveRest();
  }

  /** Takes the beginning of a message. What comes behind waits for receiveRest() or passOn(). @throws as `octets` */
  async receiveHead(octets: AsyncIterable<Uint8Array>): Promise<void> {
    const incoming = octets[Symbol.asyncIterator]();
    for (;;) {
      const { done, value } = await incoming.next();
      if (done === true) break;
      if (this.#keepInHead(value)) continue;
      this.#rest = from(value, incoming);
      break;
    }
    this.#head = Buffer.concat(this.#headPieces);
    this.#headPieces = [];
  }

  /** Takes what comes behind the head, if that is not done yet. @throws as receive() */
  async receiveRest(): Promise<void> {
    const rest = this.#rest;
    this.#rest = undefined;
    if (rest === undefined) return;
    for await (const chunk of rest) {
      if (!this.#keepInMiddle(chunk)) await this.#append(chunk);
    }
  }

  /**
   * As octets(), for the only reader there is: what has not come yet is passed on as it comes, and kept nowhere.
   * @throws also what the octets throw that were received
   */
  async *passOn(before: Uint8Array): AsyncGenerator<Uint8Array> {
    const rest = this.#rest;
    this.#rest = undefined;
    yield* this.octets(before);
    if (rest === undefined) return;
    for await (const chunk of rest) {
      this.#passedOnBytes += chunk.length;
      yield chunk;
    }
  }

  /** Changes the beginning: a header field more or less. */
  replaceHead(head: Buffer): void {
    this.#head = head;
  }

  /** `before`, then the message; with another beginning in place of `head`, where one is given. */
  async *octets(before?: Uint8Array, head: Uint8Array = this.#head): AsyncGenerator<Uint8Array> {
    if (before !== undefined && before.length > 0) yield before;
    if (head.length > 0) yield head;
    yield* this.#middleOctets();
    for (let at = 0; at < this.#fileBytes; ) {
      const piece = await this.#read(at);
      at += piece.length;
      yield piece;
    }
  }

  /** The octets from start up to end, which is exclusive. */
  async range(start: number, end: number): Promise<Buffer> {
    const pieces: Uint8Array[] = [];
    let at = 0;
    for (const piece of [this.#head, ...this.#middleOctets()]) {
      const wanted = piece.subarray(Math.max(start - at, 0), Math.max(end - at, 0));
      if (wanted.length > 0) pieces.push(wanted);
      at += piece.length;
    }
    const inMemoryBytes = at;
    at = Math.max(start, at);
    while (at < Math.min(end, this.sizeBytes)) {
      const piece = await this.#read(at - inMemoryBytes);
      pieces.push(piece.subarray(0, end - at));
      at += piece.length;
    }
    const [only] = pieces;
    return pieces.length === 1 && only instanceof Buffer ? only : Buffer.concat(pieces);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#rest?.return(undefined);
    this.#memory.giveBack(this.#takenBytes);
    this.#takenBytes = 0;
    this.#middle = [];
    const file = this.#file;
    this.#file = undefined;
    await file?.close();
  }

  #keepInHead(chunk: Uint8Array): boolean {
    this.#isHeadWhole ||= this.#headBytes + chunk.length > this.#memoryBytesMax;
    if (this.#isHeadWhole) return false;
    // One by one, octets would take a hundred times as much.
    if (this.#headPieces.length === serverLimits.spoolPiecesMax) {
      this.#headPieces = [Buffer.concat(this.#headPieces)];
    }
    this.#headPieces.push(chunk);
    this.#headBytes += chunk.length;
    return true;
  }

  #keepInMiddle(chunk: Uint8Array): boolean {
    const bytes = chunk.length + serverLimits.spoolPieceBytes;
    if (this.#file !== undefined || !this.#memory.take(bytes)) return false;
    this.#takenBytes += bytes;
    this.#middle.push(compactOctets(chunk));
    this.#middleBytes += chunk.length;
    return true;
  }

  /** Whoever reads on when the message is gone must not take what is left for the whole. */
  #middleOctets(): readonly Uint8Array[] {
    const isGone = this.#middle.length === 0 && this.#middleBytes > 0;
    if (isGone || this.#passedOnBytes > 0) throw this.#cannotRead();
    return this.#middle;
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
    if (bytesRead === 0) throw this.#cannotRead();
    return buffer.subarray(0, bytesRead);
  }

  #cannotRead(): SpoolUnavailable {
    return new SpoolUnavailable(`Cannot read a message back from "${this.#directory}"`);
  }
}

/** The first, and what follows; whoever stops reading stops the others too. */
async function* from(
  first: Uint8Array,
  others: AsyncIterator<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  try {
    yield first;
    for (;;) {
      const { done, value } = await others.next();
      if (done === true) return;
      yield value;
    }
  } finally {
    await others.return?.();
  }
}

async function openNameless(directory: string): Promise<FileHandle> {
  await mkdir(directory, { recursive: true });
  const path = join(directory, `${process.pid}.${randomBytes(8).toString("hex")}`);
  const file = await open(path, "wx+", 0o600);
  await unlink(path);
  return file;
}
