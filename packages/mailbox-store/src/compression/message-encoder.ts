import { promisify } from "node:util";
import { constants, zstdCompress, zstdCompressSync } from "node:zlib";
import { limits } from "../limits.ts";
import type { Compression } from "../types.ts";
import { formOf, markBytes } from "./file-form.ts";
import { type FrameSizes, formatSeekTable } from "./seek-table.ts";

const compressInPool = promisify(zstdCompress);
const params = {
  [constants.ZSTD_c_compressionLevel]: 3,
  // What the disk made of a frame is noticed when it is read, by Dovecot too.
  [constants.ZSTD_c_checksumFlag]: 1,
};

/**
 * Makes what stands in a message's file of the message's octets, piece by piece. The first piece decides
 * for the whole: it is compressed when that is wanted and makes it smaller.
 *
 * A message that itself begins like a compressed file is always compressed: its octets alone would be
 * taken for what they are not, by us and by Dovecot, which refuses to store it.
 */
export class MessageEncoder {
  readonly #wanted: Compression;
  #isCompressed: boolean | undefined;
  #frames: FrameSizes[] = [];

  constructor(wanted: Compression) {
    this.#wanted = wanted;
  }

  /** More follows. What is not compressed is not copied either. */
  async encode(pieces: readonly Uint8Array[]): Promise<readonly Uint8Array[]> {
    if (this.#isCompressed === undefined) return this.#encodeFirst(pieces);
    return this.#isCompressed ? [await this.#compress(Buffer.concat(pieces))] : pieces;
  }

  /** The last octets. A message of one frame needs no table. */
  async finish(pieces: readonly Uint8Array[]): Promise<readonly Uint8Array[]> {
    const encoded = pieces.length === 0 ? pieces : await this.encode(pieces);
    if (this.#frames.length < 2) return encoded;
    return [...encoded, formatSeekTable(this.#frames)];
  }

  async #encodeFirst(pieces: readonly Uint8Array[]): Promise<readonly Uint8Array[]> {
    const mustBe = formOf(beginningOf(pieces)) !== "plain";
    this.#isCompressed = mustBe || this.#wanted === "zstd";
    if (!this.#isCompressed) return pieces;
    const octets = Buffer.concat(pieces);
    const compressed = await this.#compress(octets);
    if (mustBe || compressed.length < octets.length) return [compressed];
    this.#isCompressed = false;
    this.#frames = [];
    return [octets];
  }

  async #compress(octets: Buffer): Promise<Buffer> {
    const frames: Buffer[] = [];
    for (let at = 0; at < octets.length; at += limits.frameBytes) {
      frames.push(await this.#frame(octets.subarray(at, at + limits.frameBytes)));
    }
    return frames.length === 1 && frames[0] !== undefined ? frames[0] : Buffer.concat(frames);
  }

  /** A small one here: the way to another thread and back would take longer. */
  async #frame(octets: Buffer): Promise<Buffer> {
    const options = { params, pledgedSrcSize: octets.length };
    const frame =
      octets.length <= limits.compressedAtOnceBytesMax
        ? zstdCompressSync(octets, options)
        : await compressInPool(octets, options);
    this.#frames.push({ compressedBytes: frame.length, originalBytes: octets.length });
    return frame;
  }
}

/** As much as tells the form of a file. */
function beginningOf(pieces: readonly Uint8Array[]): Uint8Array {
  const [first = new Uint8Array()] = pieces;
  return first.length >= markBytes ? first : Buffer.concat(pieces).subarray(0, markBytes);
}
