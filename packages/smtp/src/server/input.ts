import { Writable } from "node:stream";
import { serverLimits } from "./limits.ts";

const LF = 0x0a;
const CR = 0x0d;
const NOTHING: Buffer = Buffer.alloc(0);

/** A line longer than `commandBytesMax`; it was skipped up to its end. */
export const LINE_TOO_LONG = Symbol("line too long");
export type CommandLine = Buffer | typeof LINE_TOO_LONG;

/**
 * What the client sends, read as lines or as octets by one reader. The socket is piped in; the next
 * chunk is asked for only when this one is used up, so that a session holds one chunk and one line.
 *
 * smtp-server knows its parser by `isClosed`: it retires the old one at STARTTLS, with all that came
 * in the clear, and gives TLS a new one (RFC 3207 §4.2). Retired means that nothing more is read.
 */
export class SmtpInput extends Writable {
  #chunk = NOTHING;
  #at = 0;
  #line: Buffer[] = [];
  #lineBytes = 0;
  #askForMore: (() => void) | undefined;
  #wake: (() => void) | undefined;
  #isClosed = false;
  #isEnded = false;

  get isClosed(): boolean {
    return this.#isClosed;
  }

  set isClosed(isClosed: boolean) {
    this.#isClosed = isClosed;
    this.#chunk = NOTHING;
    this.#at = 0;
    this.#wake?.();
    this.#askForMore?.();
    this.#askForMore = undefined;
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    if (this.#isClosed) {
      done();
      return;
    }
    this.#chunk = chunk;
    this.#at = 0;
    this.#askForMore = done;
    this.#wake?.();
  }

  override _final(done: () => void): void {
    this.#isEnded = true;
    this.#wake?.();
    done();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#isEnded = true;
    this.#wake?.();
    done(error);
  }

  /** Whether octets are here that nobody has read: the client pipelines, or talks before its turn. */
  hasBuffered(): boolean {
    return this.#at < this.#chunk.length || this.#lineBytes > 0;
  }

  /** The next line without its line end, when all of it is here. A lone LF ends a line too. */
  takeLine(): CommandLine | undefined {
    const end = this.#chunk.indexOf(LF, this.#at);
    const piece = this.#chunk.subarray(this.#at, end < 0 ? this.#chunk.length : end);
    this.#at = end < 0 ? this.#chunk.length : end + 1;
    this.#lineBytes += piece.length;
    // A line that is too long is not kept, only counted up to its end. The LF counts too.
    const isTooLong = this.#lineBytes >= serverLimits.commandBytesMax;
    if (isTooLong) this.#line = [];
    else if (end < 0 || this.#line.length > 0) this.#line.push(piece);
    if (end < 0) return undefined;

    const line = this.#line.length > 0 ? Buffer.concat(this.#line) : piece;
    this.#line = [];
    this.#lineBytes = 0;
    if (isTooLong) return LINE_TOO_LONG;
    return line.at(-1) === CR ? line.subarray(0, -1) : line;
  }

  /** What is here now, at least one octet after more() said true. Says nothing of lines. */
  octets(): Buffer {
    return this.#at === 0 ? this.#chunk : this.#chunk.subarray(this.#at);
  }

  consume(length: number): void {
    this.#at += length;
  }

  /** Waits for more octets; false when none will come. */
  async more(): Promise<boolean> {
    if (this.#isClosed) return false;
    if (this.#at < this.#chunk.length) return true;
    if (this.#isEnded) return false;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    const ask = this.#askForMore;
    this.#askForMore = undefined;
    this.#chunk = NOTHING;
    this.#at = 0;
    ask?.();
    await promise;
    this.#wake = undefined;
    return this.#at < this.#chunk.length;
  }
}
