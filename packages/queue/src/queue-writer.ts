import { randomBytes } from "node:crypto";
import { closeSync, constants } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import type { Envelope } from "@posthouse/smtp/envelope";
import { formatEntryId } from "./entry-id.ts";
import { fileCalls } from "./file-calls.ts";
import { limits } from "./limits.ts";
import { Poke } from "./poke.ts";
import { QueueUnavailable } from "./queue-unavailable.ts";
import { SpoolDirectories } from "./spool-directories.ts";
import { formatHeader, formatRecord, HEADER_BYTES } from "./spool-format.ts";

export { flushDomain } from "./flush-domain.ts";
export { QueueUnavailable };

/**
 * How a message becomes the queue's: what smtp-in, smtp-out (for DSNs) and the command line use.
 * Files only: it loads no native addon and no database.
 */
export interface QueueWriter extends AsyncDisposable {
  /** Starts one entry in the spool's tmp/. Nobody sees it before commit(). */
  begin(): Promise<QueueDraft>;
}

export interface QueueDraft extends AsyncDisposable {
  /** Octets that nobody changes any more. */
  write(octets: Uint8Array): Promise<void>;
  /**
   * Puts the entry in place, durable when it resolves. "held": on disk and not yet to be sent, until
   * release(); a held entry whose maker died is nobody's, since nobody said 250 for it. "ready": smtp-out
   * is poked and sends it. Disposing of a draft without a commit leaves nothing behind.
   */
  commit(state: "held" | "ready", envelope: Envelope): Promise<QueuedEntry>;
}

export interface QueuedEntry {
  readonly messageId: string;
  /** Durable when it resolves: a held entry becomes ready, with what is left of its recipients. */
  release(envelope?: Envelope): Promise<void>;
  /** Takes a held entry back. */
  drop(): Promise<void>;
}

export interface QueueWriterOptions {
  readonly queueDirectory: string;
  readonly smtpOutSocketPath: string;
}

/** Rejects with QueueUnavailable when the spool's directories are not there and cannot be made. */
export async function openQueueWriter(options: QueueWriterOptions): Promise<QueueWriter> {
  const directories = new SpoolDirectories(options.queueDirectory);
  await translated("open the queue", () => directories.create());
  const poke = new Poke(options.smtpOutSocketPath);
  return {
    begin: () => Promise.resolve(new Draft(directories, poke)),
    [Symbol.asyncDispose]: async () => {
      await Promise.all([directories.close(), poke.close()]);
    },
  };
}

/**
 *   state   tmp/T     held/ID   ready/ID   after a crash here
 *   W1      -         -         -          the sender still has the message, and sends it again
 *   W2      partial   -         -          the same; tmp/T is swept after 36 hours
 *   W3      whole     -         -          the same: it was synced, but nobody said 250 for it
 *   W4      -         whole     -          the same: held is nobody's; swept after 2 hours
 *   W5      -         -         whole      it is sent; the sender did not see 250 and may send it again
 *   W6      -         -         whole      durable, and the caller may say 250 from here on and not sooner
 *
 * Between W3 and W5 (or W4) is rename(2), between W5 and W6 the fsync(2) of its directory. A power cut
 * at W5 may lead back to W3. When the directory cannot be synced, the file is taken back:
 * QueueUnavailable never means sent.
 */
class Draft implements QueueDraft {
  readonly #directories: SpoolDirectories;
  readonly #poke: Poke;
  readonly #tmpPath: string;
  #fd: number | undefined;
  #pending: Uint8Array[] = [];
  #pendingBytes = 0;
  #messageBytes = 0;
  #messageCrc = 0;
  #isMade = false;
  #isOver = false;

  constructor(directories: SpoolDirectories, poke: Poke) {
    this.#directories = directories;
    this.#poke = poke;
    this.#tmpPath = join(directories.tmp, `${process.pid}.${randomBytes(9).toString("hex")}`);
  }

  async write(octets: Uint8Array): Promise<void> {
    this.#assertOpen();
    this.#messageCrc = crc32(octets, this.#messageCrc);
    this.#messageBytes += octets.length;
    this.#pending.push(octets);
    this.#pendingBytes += octets.length;
    if (this.#pendingBytes > limits.draftMemoryBytes) await this.#writeOut();
  }

  async commit(state: "held" | "ready", envelope: Envelope): Promise<QueuedEntry> {
    this.#assertOpen();
    const id = formatEntryId(envelope.messageId);
    const directory = this.#directories[state];
    try {
      await translated("write the message to the queue", () => this.#writeWhole(envelope));
      await translated("put the message into the queue", () =>
        fileCalls.rename(this.#tmpPath, join(directory, id)),
      );
    } catch (error) {
      await this[Symbol.asyncDispose]();
      throw error;
    }
    this.#isOver = true;
    await syncOrTakeBack(this.#directories, state, id);
    if (state === "ready") this.#poke.ready(id);
    return new Entry(this.#directories, this.#poke, { id, envelope, isHeld: state === "held" });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#pending = [];
    if (!this.#isMade) return;
    this.#close();
    await fileCalls.unlink(this.#tmpPath).catch(() => undefined);
  }

  async #writeOut(): Promise<void> {
    const pieces = this.#takePending();
    const start = HEADER_BYTES + this.#messageBytes - bytesOf(pieces);
    await translated("write the message to the queue", () => this.#write(pieces, start));
  }

  /**
   * A small message goes out whole in one write, which is durable when it returns: that saves the trip for its
   * fsync. Of a large one the header is still missing.
   */
  async #writeWhole(envelope: Envelope): Promise<void> {
    const header = formatHeader({ messageBytes: this.#messageBytes, messageCrc: this.#messageCrc });
    const pieces = this.#takePending();
    const record = formatRecord({ type: "envelope", envelope });
    if (this.#fd === undefined) {
      await this.#write([Buffer.concat([header, ...pieces, record])], 0, constants.O_DSYNC);
    } else {
      const start = HEADER_BYTES + this.#messageBytes - bytesOf(pieces);
      await this.#write([...pieces, record], start);
      await this.#write([header], 0);
      await fileCalls.datasync(this.#fd);
    }
    this.#close();
  }

  async #write(pieces: readonly Uint8Array[], position: number, moreFlags = 0): Promise<void> {
    if (this.#fd === undefined) {
      const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | moreFlags;
      this.#fd = await fileCalls.open(this.#tmpPath, flags, 0o660);
      this.#isMade = true;
    }
    const bytes = bytesOf(pieces);
    // writev(2) writes less than all where the disk is full; the rest then has its error.
    const { bytesWritten } = await fileCalls.write(this.#fd, pieces, position);
    if (bytesWritten === bytes) return;
    const rest = Buffer.concat(pieces).subarray(bytesWritten);
    await this.#write([rest], position + bytesWritten);
  }

  /** Nothing is left to be written by now, so that there is nothing to wait for. */
  #close(): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
  }

  #takePending(): readonly Uint8Array[] {
    const pieces = this.#pending;
    this.#pending = [];
    this.#pendingBytes = 0;
    return pieces;
  }

  #assertOpen(): void {
    if (this.#isOver) throw new TypeError("This draft was committed or disposed of before");
  }
}

/**
 *   state   held/ID                  ready/ID   after a crash here
 *   R1      whole                    -          swept after 2 hours: nobody said 250 for it
 *   R2      whole, envelope anew     -          the same
 *   R3      -                        whole      it is sent, to the recipients that were left; the sender
 *                                               did not see 250 and may send it again
 *   R4      -                        whole      durable: the caller may say 250
 *
 * A power cut at R3 may lead back to R2. drop() removes held/ID at R1 and syncs nothing: what comes
 * back after a power cut is swept like any other held entry.
 */
class Entry implements QueuedEntry {
  readonly messageId: string;
  readonly #directories: SpoolDirectories;
  readonly #poke: Poke;
  readonly #id: string;
  #isHeld: boolean;

  constructor(
    directories: SpoolDirectories,
    poke: Poke,
    entry: { id: string; envelope: Envelope; isHeld: boolean },
  ) {
    this.#directories = directories;
    this.#poke = poke;
    this.#id = entry.id;
    this.#isHeld = entry.isHeld;
    this.messageId = entry.envelope.messageId;
  }

  async release(envelope?: Envelope): Promise<void> {
    if (!this.#isHeld) return;
    const { held, ready } = this.#directories;
    await translated("release the message", async () => {
      if (envelope !== undefined) await appendEnvelope(join(held, this.#id), envelope);
      await fileCalls.rename(join(held, this.#id), join(ready, this.#id));
    });
    this.#isHeld = false;
    // One fsync is enough: rename(2) is one transaction of the file system, in both directories.
    await syncOrTakeBack(this.#directories, "ready", this.#id);
    this.#poke.ready(this.#id);
  }

  async drop(): Promise<void> {
    if (!this.#isHeld) return;
    this.#isHeld = false;
    await translated("drop the message", () =>
      fileCalls.unlink(join(this.#directories.held, this.#id)),
    );
  }
}

async function syncOrTakeBack(
  directories: SpoolDirectories,
  state: "held" | "ready",
  id: string,
): Promise<void> {
  try {
    await (state === "held" ? directories.heldSync : directories.readySync).sync();
  } catch (cause) {
    await fileCalls.unlink(join(directories[state], id)).catch(() => undefined);
    throw new QueueUnavailable("Cannot make the queue directory durable", { cause });
  }
}

async function appendEnvelope(path: string, envelope: Envelope): Promise<void> {
  const file = await open(path, constants.O_WRONLY | constants.O_APPEND);
  try {
    await file.appendFile(formatRecord({ type: "envelope", envelope }));
    await file.datasync();
  } finally {
    await file.close();
  }
}

const bytesOf = (pieces: readonly Uint8Array[]): number =>
  pieces.reduce((sum, { length }) => sum + length, 0);

async function translated<T>(action: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new QueueUnavailable(`Cannot ${action}: ${reason}`, { cause });
  }
}
