import type { FileHandle } from "node:fs/promises";
import { pipeline, Readable, type Transform } from "node:stream";
import { constants, createGunzip, createZstdDecompress } from "node:zlib";
import { limits } from "../limits.ts";
import { StoreError } from "../store-error.ts";
import { type FileForm, formOf, markBytes } from "./file-form.ts";
import { footBytes, parseSeekTable, type SeekPoint, tableBytesOfFoot } from "./seek-table.ts";
import { ZstdFrames } from "./zstd-frames.ts";

/** What is known of a message before its file is read. */
export interface AboutOctets {
  /** As the index has it, or its file's name. */
  readonly sizeBytes: number;
  readonly messageBytesMax: number;
  /** Never compressed, whatever its first octets look like: a copy from an mbox. */
  readonly isPlain?: boolean;
}

const start: SeekPoint = { fileOffset: 0, octetOffset: 0 };

/**
 * The octets of a message's file as they were before they were compressed. What the file is, is told
 * from its first octets each time, so that a mailbox may hold files of every form.
 */
export class MessageOctets {
  readonly #handle: FileHandle;
  /** The beginning of the file, read when it was opened: most messages need no further reading. */
  readonly #head: Buffer;
  readonly #form: FileForm;
  /** A file that becomes larger was made to fill whatever reads it. */
  readonly #octetsMax: number;
  #seekPoints: readonly SeekPoint[] | undefined;

  private constructor(handle: FileHandle, head: Buffer, form: FileForm, octetsMax: number) {
    this.#handle = handle;
    this.#head = head;
    this.#form = form;
    this.#octetsMax = octetsMax;
  }

  /** "unreadable" when it is compressed in a way that is not known here. */
  static async open(handle: FileHandle, about: AboutOctets): Promise<MessageOctets> {
    const head = await readAt(
      handle,
      0,
      Math.min(Math.max(about.sizeBytes, markBytes), limits.headBytes),
    );
    const form = about.isPlain ? "plain" : formOf(head);
    if (form === "plain") return new MessageOctets(handle, head, form, Number.POSITIVE_INFINITY);
    if (form !== "zstd" && form !== "gzip") {
      throw new StoreError("unreadable", `Cannot read a file that is compressed with ${form}`);
    }
    const { size } = await handle.stat();
    const octetsMax = Math.max(about.messageBytesMax, size * limits.inflationMax);
    if (about.sizeBytes > octetsMax) throw tooLarge(octetsMax);
    return new MessageOctets(handle, head, form, octetsMax);
  }

  /** Octets `from` (inclusive) to `to` (exclusive) in pieces of at most 64 KiB; little more is read. */
  async *read(from = 0, to = Number.POSITIVE_INFINITY): AsyncGenerator<Uint8Array> {
    if (from >= to) return;
    if (this.#form === "plain") {
      yield* this.#readFile(from, to);
      return;
    }
    const { fileOffset, octetOffset } = await this.#seek(from);
    const octets = this.#inflate(fileOffset, this.#octetsMax - octetOffset);
    yield* slice(octets, from - octetOffset, to - octetOffset);
  }

  async *#inflate(fileOffset: number, octetsMax: number): AsyncGenerator<Uint8Array> {
    const source = this.#readFile(fileOffset);
    const octets = this.#form === "gzip" ? decode(source, "gzip") : decodeFrames(source);
    let octetsSeen = 0;
    for await (const piece of octets) {
      octetsSeen += piece.length;
      if (octetsSeen > octetsMax) throw tooLarge(octetsMax);
      yield piece;
    }
  }

  async *#readFile(from: number, to = Number.POSITIVE_INFINITY): AsyncGenerator<Buffer> {
    let at = from;
    if (at < this.#head.length) {
      yield this.#head.subarray(at, to);
      at = this.#head.length;
    }
    while (at < to) {
      const octets = await readAt(this.#handle, at, Math.min(limits.readChunkBytes, to - at));
      if (octets.length === 0) return;
      at += octets.length;
      yield octets;
    }
  }

  /** The last place before an octet where a decoder can begin. */
  async #seek(octet: number): Promise<SeekPoint> {
    if (octet === 0 || this.#form !== "zstd") return start;
    this.#seekPoints ??= (await readSeekPoints(this.#handle)) ?? [start];
    return this.#seekPoints.findLast(({ octetOffset }) => octetOffset <= octet) ?? start;
  }
}

async function readSeekPoints(handle: FileHandle): Promise<SeekPoint[] | undefined> {
  const { size } = await handle.stat();
  const foot = await readAt(handle, Math.max(size - footBytes, 0), footBytes);
  const tableBytes = tableBytesOfFoot(foot);
  if (tableBytes === undefined || tableBytes > Math.min(size, limits.seekTableBytesMax)) return;
  return parseSeekTable(await readAt(handle, size - tableBytes, tableBytes), size);
}

async function* decodeFrames(source: AsyncIterable<Buffer>): AsyncGenerator<Uint8Array> {
  await using frames = new ZstdFrames(source);
  while (await frames.next()) yield* decode(frames.octets(), "zstd");
}

async function* decode(
  source: AsyncIterable<Buffer>,
  form: "zstd" | "gzip",
): AsyncGenerator<Uint8Array> {
  const decoder = decoderOf(form);
  // Both fail with the same error; it is the reader below who is told.
  pipeline(Readable.from(source, { highWaterMark: 1 }), decoder, () => undefined);
  try {
    for await (const octets of decoder) yield octets as Uint8Array;
  } catch (error) {
    if (error instanceof StoreError) throw error;
    throw new StoreError(
      "unreadable",
      `Cannot read a damaged ${form} file: ${(error as Error).message}`,
      { cause: error },
    );
  } finally {
    decoder.destroy();
  }
}

function decoderOf(form: "zstd" | "gzip"): Transform {
  const chunkSize = limits.readChunkBytes;
  if (form === "gzip") return createGunzip({ chunkSize });
  // As much as Dovecot's decoder takes: its highest levels use a window of this size for every file.
  return createZstdDecompress({ chunkSize, params: { [constants.ZSTD_d_windowLogMax]: 27 } });
}

/** Octets start (inclusive) to end (exclusive) of what comes in chunks. */
export async function* slice(
  chunks: AsyncIterable<Uint8Array>,
  start: number,
  end: number,
): AsyncGenerator<Uint8Array> {
  let at = 0;
  if (at >= end) return;
  for await (const chunk of chunks) {
    const piece = chunk.subarray(Math.max(start - at, 0), Math.max(end - at, 0));
    at += chunk.length;
    if (piece.length > 0) yield piece;
    if (at >= end) return;
  }
}

function tooLarge(octetsMax: number): StoreError {
  return new StoreError(
    "unreadable",
    `Cannot read a file that becomes more than ${octetsMax} octets`,
  );
}

/** Fewer octets only at the end of the file. */
async function readAt(handle: FileHandle, at: number, lengthMax: number): Promise<Buffer> {
  const octets = Buffer.allocUnsafe(lengthMax);
  try {
    const { bytesRead } = await handle.read(octets, 0, lengthMax, at);
    return octets.subarray(0, bytesRead);
  } catch (error) {
    throw new StoreError("unavailable", `Cannot read a message: ${(error as Error).message}`, {
      cause: error,
    });
  }
}
