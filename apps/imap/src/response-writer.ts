import { setImmediate as nextTurn } from "node:timers/promises";
import type { WireConnection } from "@posthouse/wire";
import { limits } from "./limits.ts";

/** Texts gather up to here before they become octets: a FETCH answer is mostly short lines. */
const GATHERED_CHARACTERS_MAX = 16 * 1024;
/** Octets up to here are copied behind the text before them; longer ones are handed on as they are. */
const COPIED_BYTES_MAX = 16 * 1024;
/** What is handed to the connection at once, of many texts and octets. */
const CHUNK_BYTES = 64 * 1024;

/**
 * Writes answers, and keeps them from growing: pace() waits for a slow client, and gives other
 * connections a turn when this one has had its slice.
 *
 * Text and octets of an answer are gathered in chunks. Each handed on by itself was a buffer of its own in a
 * writev(2) of hundreds: a FETCH of 1,000 short messages took twice as long.
 */
export class ResponseWriter {
  readonly #connection: WireConnection;
  #text = "";
  /** There is none between answers: an idle connection holds nothing. */
  #chunk: Buffer | undefined;
  #chunkBytes = 0;
  /** What was written last; empty for octets. */
  #last = "\r\n";
  #bytesAhead = 0;
  #turnBeganMs = performance.now();

  constructor(connection: WireConnection) {
    this.#connection = connection;
  }

  /** `* text`, one line. */
  untagged(text: string): void {
    this.write(`* ${text}\r\n`);
  }

  /** `+ text`: the client may go on with its command (RFC 3501 §7.5). */
  continuation(text: string): void {
    this.write(`+ ${text}\r\n`);
    this.drain();
  }

  /** One character an octet. */
  write(text: string): void {
    this.#text += text;
    this.#last = text;
    if (this.#text.length >= GATHERED_CHARACTERS_MAX) this.drain();
  }

  writeOctets(octets: Uint8Array): void {
    this.#last = "";
    if (octets.length > COPIED_BYTES_MAX) {
      this.drain();
      this.#bytesAhead += octets.length;
      this.#connection.write(octets);
      return;
    }
    this.#gatherText();
    this.#roomFor(octets.length).set(octets, this.#chunkBytes);
    this.#chunkBytes += octets.length;
    this.#bytesAhead += octets.length;
  }

  /** A line may be written now: no answer is half out, and no literal is announced (RFC 9051 §4.3). */
  get isBetweenResponses(): boolean {
    return this.#last.endsWith("\r\n") && !this.#last.endsWith("}\r\n");
  }

  /** Hands what was gathered to the connection, which sends it when the next read has to wait. */
  drain(): void {
    if (this.#chunk !== undefined) {
      this.#gatherText();
      this.#handOn();
    } else if (this.#text !== "") {
      const octets = Buffer.from(this.#text, "latin1");
      this.#text = "";
      this.#bytesAhead += octets.length;
      this.#connection.write(octets);
    }
  }

  /** Sends everything, and waits while the client is slow. */
  async flush(): Promise<void> {
    this.drain();
    this.#bytesAhead = 0;
    await this.#connection.flush();
  }

  /** The client was waited for: a new slice begins now. */
  beginTurn(): void {
    this.#turnBeganMs = performance.now();
  }

  /** As much is written as may wait for the client: pace() is due. */
  get isAhead(): boolean {
    return this.#bytesAhead + this.#text.length >= limits.answerBytesAhead;
  }

  /** To be awaited again and again inside a long answer, and between answers. */
  async pace(): Promise<void> {
    if (this.isAhead) await this.flush();
    if (performance.now() - this.#turnBeganMs < limits.sliceMs) return;
    await nextTurn();
    this.#turnBeganMs = performance.now();
  }

  #gatherText(): void {
    if (this.#text === "") return;
    const { length } = this.#text;
    this.#roomFor(length).write(this.#text, this.#chunkBytes, "latin1");
    this.#chunkBytes += length;
    this.#bytesAhead += length;
    this.#text = "";
  }

  /** The chunk, with so much room behind what it has. */
  #roomFor(length: number): Buffer {
    if (this.#chunk !== undefined && this.#chunkBytes + length <= this.#chunk.length) {
      return this.#chunk;
    }
    this.#handOn();
    this.#chunk = Buffer.allocUnsafe(Math.max(CHUNK_BYTES, length));
    return this.#chunk;
  }

  #handOn(): void {
    const chunk = this.#chunk;
    if (chunk === undefined) return;
    const octets = chunk.subarray(0, this.#chunkBytes);
    // A few octets that wait for the client must not hold a whole chunk.
    this.#connection.write(octets.length < CHUNK_BYTES / 2 ? Buffer.from(octets) : octets);
    this.#chunk = undefined;
    this.#chunkBytes = 0;
  }
}
