import { setImmediate as nextTurn } from "node:timers/promises";
import type { WireConnection } from "@posthouse/wire";
import { limits } from "./limits.ts";

/** Texts gather up to here before they become octets: a FETCH answer is mostly short lines. */
const GATHERED_CHARACTERS_MAX = 16 * 1024;

/**
 * Writes answers, and keeps them from growing: pace() waits for a slow client, and gives other
 * connections a turn when this one has had its slice.
 */
export class ResponseWriter {
  readonly #connection: WireConnection;
  #text = "";
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
    this.drain();
    this.#last = "";
    this.#bytesAhead += octets.length;
    this.#connection.write(octets);
  }

  /** A line may be written now: no answer is half out, and no literal is announced (RFC 9051 §4.3). */
  get isBetweenResponses(): boolean {
    return this.#last.endsWith("\r\n") && !this.#last.endsWith("}\r\n");
  }

  /** Hands what was gathered to the connection, which sends it when the next read has to wait. */
  drain(): void {
    if (this.#text === "") return;
    const octets = Buffer.from(this.#text, "latin1");
    this.#text = "";
    this.#bytesAhead += octets.length;
    this.#connection.write(octets);
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

  /** To be awaited again and again inside a long answer, and between answers. */
  async pace(): Promise<void> {
    if (this.#bytesAhead + this.#text.length >= limits.answerBytesAhead) await this.flush();
    if (performance.now() - this.#turnBeganMs < limits.sliceMs) return;
    await nextTurn();
    this.#turnBeganMs = performance.now();
  }
}
