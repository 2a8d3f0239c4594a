import { createHash, hash } from "node:crypto";
import { closeSync, constants, fdatasync, fsync, futimes, open, unlink, writev } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { compactOctets, PartScanner } from "@posthouse/message";
import { MessageEncoder } from "./compression/message-encoder.ts";
import { crashPoint } from "./crash-point.ts";
import { limits } from "./limits.ts";
import { fileMode } from "./maildir/durable-file.ts";
import { keyWithSizes, newKeyStem } from "./maildir/maildir-name.ts";
import { detailsOf } from "./message-details.ts";
import { bitsOfSystemFlags } from "./message-flags.ts";
import { sortKeysOf } from "./sort-keys.ts";
import { StoreError } from "./store-error.ts";
import type { AppendRequest, Compression } from "./types.ts";
import type { ReceivedMessage } from "./writer/jobs.ts";

// The callback functions: fs/promises costs twice the processor time a call, and this is the hot path.
const file = {
  open: promisify(open),
  writev: promisify(writev) as (
    fd: number,
    pieces: readonly Uint8Array[],
  ) => Promise<{ bytesWritten: number }>,
  datasync: promisify(fdatasync),
  sync: promisify(fsync),
  utimes: promisify(futimes),
  unlink: promisify(unlink),
};

/** Where a message is received, and how much of it. */
export interface ReceiveOptions {
  readonly tmpDirectory: string;
  readonly host: string;
  readonly messageBytesMax: number;
  readonly compression: Compression;
  /** Not in an mbox, where a NUL is what a power failure leaves of a message. */
  readonly canHoldNul: boolean;
}

/**
 * Writes one message into tmp/ while its parts are found; its octets are durable when this resolves.
 * Concurrent receivers share the disk's flushes: each runs in a thread of libuv's pool.
 *
 * A small message is held in memory and written with one call. Nothing is left behind on failure.
 */
export async function receiveMessage(
  request: AppendRequest,
  options: ReceiveOptions,
): Promise<ReceivedMessage> {
  const stem = newKeyStem(options.host);
  const path = join(options.tmpDirectory, stem);
  const scanner = new PartScanner();
  const sink = new MessageSink(path, options.compression);
  try {
    let sizeBytes = 0;
    for await (const octets of request.octets) {
      sizeBytes += octets.length;
      if (sizeBytes > options.messageBytesMax) throw tooLarge(options.messageBytesMax);
      scanner.push(octets);
      // RFC 9051 §4.3.1: NUL is for literal8 only.
      if (scanner.hasNul && !(options.canHoldNul && request.mayHoldNul === true)) {
        throw new StoreError("bad-message", "Cannot store a message with a NUL");
      }
      const isKept = sink.keep(octets);
      if (!isKept) await sink.spill();
    }
    const part = scanner.end();
    const sha256 = await sink.finish(request.internalDateMs);
    crashPoint("D1");
    return {
      tmpName: stem,
      key: keyWithSizes(stem, sizeBytes, sizeBytes),
      sizeBytes,
      systemFlags: bitsOfSystemFlags(request.systemFlags ?? []),
      keywords: request.keywords ?? [],
      details: detailsOf(scanner.header, part, sha256),
      sortKeys: sortKeysOf(scanner.header),
    };
  } catch (error) {
    await sink.discard();
    throw error;
  }
}

/** Removes what was received and then not wanted; whatever became of it is no news. */
export async function discardReceived(
  tmpDirectory: string,
  messages: readonly ReceivedMessage[],
): Promise<void> {
  await Promise.all(
    messages.map(({ tmpName }) => file.unlink(join(tmpDirectory, tmpName)).catch(() => undefined)),
  );
}

/** Memory first, and a file when it grows or is to last. */
class MessageSink {
  readonly #path: string;
  readonly #encoder: MessageEncoder;
  #held: Uint8Array[] = [];
  #heldBytes = 0;
  #fd: number | undefined;
  #isMade = false;
  #hash: ReturnType<typeof createHash> | undefined;
  /** The last of the writes: one at a time, and meanwhile more comes in. */
  #written: Promise<unknown> = Promise.resolve();

  constructor(path: string, compression: Compression) {
    this.#path = path;
    this.#encoder = new MessageEncoder(compression);
  }

  /** False when it is time to spill(). */
  keep(octets: Uint8Array): boolean {
    this.#held.push(compactOctets(octets));
    this.#heldBytes += octets.length;
    return this.#heldBytes <= limits.bufferedBytesMax;
  }

  async spill(): Promise<void> {
    this.#hash ??= createHash("sha256");
    const pieces = this.#take();
    for (const piece of pieces) this.#hash.update(piece);
    const encoded = await this.#encoder.encode(pieces);
    await this.#written;
    this.#written = this.#write(encoded, 0);
    // Whoever comes next waits for it, and is told.
    this.#written.catch(() => undefined);
  }

  /** On disk, whatever happens; gives the SHA-256 of all octets. */
  async finish(modifiedMs: number | undefined): Promise<Buffer> {
    const pieces = this.#take();
    const sha256 = this.#hashOfAll(pieces);
    await this.#written;
    // One write that is durable when it returns saves a small message the trip for its fsync.
    const isWhole = this.#fd === undefined && modifiedMs === undefined;
    const fd = await this.#write(
      await this.#encoder.finish(pieces),
      isWhole ? constants.O_DSYNC : 0,
    );
    if (modifiedMs !== undefined) {
      // The file's time is INTERNALDATE, for Dovecot and for a rebuilt index alike.
      // A Date, since Node takes a negative number for "now", and there is mail from before 1970.
      const modified = new Date(modifiedMs);
      await this.#try(file.utimes(fd, modified, modified));
      await this.#try(file.sync(fd));
    } else if (!isWhole) await this.#try(file.datasync(fd));
    this.#close();
    return sha256;
  }

  async discard(): Promise<void> {
    await this.#written.catch(() => undefined);
    this.#close();
    if (this.#isMade) await file.unlink(this.#path).catch(() => undefined);
  }

  /** Of a small message one piece: one call for it is quicker than a copy less. */
  #take(): readonly Uint8Array[] {
    const isSmall = this.#heldBytes <= limits.joinedBytesMax && this.#held.length > 1;
    const pieces = isSmall ? [Buffer.concat(this.#held)] : this.#held;
    this.#held = [];
    this.#heldBytes = 0;
    return pieces;
  }

  #hashOfAll(lastPieces: readonly Uint8Array[]): Buffer {
    const [only] = lastPieces;
    if (this.#hash === undefined && only !== undefined && lastPieces.length === 1) {
      return hash("sha256", only, "buffer");
    }
    this.#hash ??= createHash("sha256");
    for (const piece of lastPieces) this.#hash.update(piece);
    return this.#hash.digest();
  }

  /** Nothing is left to be written by now, so that there is nothing to wait for. */
  #close(): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
  }

  async #write(pieces: readonly Uint8Array[], moreFlags: number): Promise<number> {
    if (this.#fd === undefined) {
      const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | moreFlags;
      this.#fd = await this.#try(file.open(this.#path, flags, fileMode));
      this.#isMade = true;
    }
    for (let left = pieces; left.length > 0; ) {
      const { bytesWritten } = await this.#try(file.writev(this.#fd, left));
      left = behind(left, bytesWritten);
    }
    return this.#fd;
  }

  async #try<Result>(call: Promise<Result>): Promise<Result> {
    try {
      return await call;
    } catch (error) {
      throw new StoreError(
        "unavailable",
        `Cannot write "${this.#path}": ${(error as Error).message}`,
        { cause: error },
      );
    }
  }
}

/** What is left of the pieces after so many octets. */
function behind(pieces: readonly Uint8Array[], bytes: number): readonly Uint8Array[] {
  let at = 0;
  let done = bytes;
  while (done > 0 || pieces[at]?.length === 0) {
    const piece = pieces[at] ?? new Uint8Array();
    if (piece.length > done) return [piece.subarray(done), ...pieces.slice(at + 1)];
    done -= piece.length;
    at += 1;
  }
  return pieces.slice(at);
}

function tooLarge(messageBytesMax: number): StoreError {
  return new StoreError("limit", `Cannot store a message of more than ${messageBytesMax} octets`);
}
