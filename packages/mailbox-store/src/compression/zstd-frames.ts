import { limits } from "../limits.ts";
import { StoreError } from "../store-error.ts";

/**
 * Where the frames of a zstd file begin and end (RFC 8878 §3.1.1). Node's decoder stops after the first
 * one whenever the second comes with the same piece of input, and drops the rest without a word: so each
 * frame gets a decoder of its own, and just its own octets.
 */
const zstdMagic = 0xfd2fb528;
/** 0x184D2A50 to 0x184D2A5F (RFC 8878 §3.1.2). */
const skippableMagic = 0x184d2a50;
const magicBytes = 4;
const blockHeaderBytes = 3;

/** Reads a file frame by frame: next(), then octets() to their end. */
export class ZstdFrames implements AsyncDisposable {
  readonly #source: AsyncIterator<Buffer>;
  #ahead: Buffer = Buffer.alloc(0);

  constructor(source: AsyncIterable<Buffer>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /** Goes to the next frame that holds octets of the message; false at the end of the file. */
  async next(): Promise<boolean> {
    for (;;) {
      if (!(await this.#fill(1))) return false;
      const head = await this.#peek(magicBytes);
      const magic = head.readUInt32LE(0);
      if (magic === zstdMagic) return true;
      if ((magic & ~0xf) >>> 0 !== skippableMagic) throw noFrame();
      const length = (await this.#take(magicBytes + 4)).readUInt32LE(magicBytes);
      for await (const _skipped of this.#pass(length)) {
        // Nothing in it is of the message.
      }
    }
  }

  /** The octets of this frame, in pieces that are worth a call of the decoder. */
  async *octets(): AsyncGenerator<Buffer> {
    let held: Buffer[] = [];
    let heldBytes = 0;
    for await (const piece of this.#pieces()) {
      held.push(piece);
      heldBytes += piece.length;
      if (heldBytes < limits.readChunkBytes) continue;
      yield Buffer.concat(held);
      held = [];
      heldBytes = 0;
    }
    if (heldBytes > 0) yield Buffer.concat(held);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#source.return?.();
  }

  async *#pieces(): AsyncGenerator<Buffer> {
    const descriptor = (await this.#peek(magicBytes + 1))[magicBytes] ?? 0;
    yield await this.#take(frameHeaderBytes(descriptor));
    for (;;) {
      const header = await this.#take(blockHeaderBytes);
      yield header;
      const { isLast, bytes } = blockOf(header.readUIntLE(0, blockHeaderBytes));
      yield* this.#pass(bytes);
      if (isLast) break;
    }
    if (hasChecksum(descriptor)) yield await this.#take(4);
  }

  async #take(length: number): Promise<Buffer> {
    const taken = await this.#peek(length);
    this.#ahead = this.#ahead.subarray(length);
    return taken;
  }

  async #peek(length: number): Promise<Buffer> {
    if (!(await this.#fill(length))) throw cutShort();
    return this.#ahead.subarray(0, length);
  }

  async *#pass(length: number): AsyncGenerator<Buffer> {
    for (let left = length; left > 0; ) {
      if (!(await this.#fill(1))) throw cutShort();
      const piece = await this.#take(Math.min(left, this.#ahead.length));
      left -= piece.length;
      yield piece;
    }
  }

  /** False when the file has no such many octets more. */
  async #fill(length: number): Promise<boolean> {
    while (this.#ahead.length < length) {
      const { done, value } = await this.#source.next();
      if (done === true) return false;
      this.#ahead = this.#ahead.length === 0 ? value : Buffer.concat([this.#ahead, value]);
    }
    return true;
  }
}

/** The same of a file that is in memory. */
export function* framesIn(octets: Buffer): Generator<Buffer> {
  for (let start = 0; start < octets.length; ) {
    const magic = octets.readUInt32LE(start);
    let end = start + magicBytes;
    if (magic !== zstdMagic) {
      if ((magic & ~0xf) >>> 0 !== skippableMagic) throw noFrame();
      start = end + 4 + octets.readUInt32LE(end);
      continue;
    }
    const descriptor = octets.readUInt8(end);
    end = start + frameHeaderBytes(descriptor);
    for (let isLast = false; !isLast; ) {
      const block = blockOf(octets.readUIntLE(end, blockHeaderBytes));
      end += blockHeaderBytes + block.bytes;
      isLast = block.isLast;
    }
    if (hasChecksum(descriptor)) end += 4;
    yield octets.subarray(start, end);
    start = end;
  }
}

/** RFC 8878 §3.1.1.1: the descriptor says how long the fields behind it are. */
function frameHeaderBytes(descriptor: number): number {
  const isSingleSegment = (descriptor & 0x20) !== 0;
  const windowBytes = isSingleSegment ? 0 : 1;
  const dictionaryBytes = [0, 1, 2, 4][descriptor & 3] ?? 0;
  const sizeBytes = [isSingleSegment ? 1 : 0, 2, 4, 8][descriptor >> 6] ?? 0;
  return magicBytes + 1 + windowBytes + dictionaryBytes + sizeBytes;
}

function hasChecksum(descriptor: number): boolean {
  return (descriptor & 4) !== 0;
}

/** RFC 8878 §3.1.1.2. An RLE block is one octet, however long it becomes. */
function blockOf(header: number): { readonly isLast: boolean; readonly bytes: number } {
  const type = (header >> 1) & 3;
  if (type === 3)
    throw new StoreError("unreadable", "Cannot read a damaged zstd file: a reserved block");
  return { isLast: (header & 1) === 1, bytes: type === 1 ? 1 : header >> 3 };
}

function noFrame(): StoreError {
  return new StoreError(
    "unreadable",
    "Cannot read a damaged zstd file: no frame where one should begin",
  );
}

function cutShort(): StoreError {
  return new StoreError("unreadable", "Cannot read a damaged zstd file: it is cut short");
}
