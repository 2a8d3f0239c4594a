import type { Socket } from "node:net";
import { FilterFailed } from "../filter.ts";
import { limits } from "../limits.ts";

/** A packet: a 32-bit length, a letter, and what belongs to the letter. */
export interface Packet {
  readonly letter: string;
  readonly data: Buffer;
}

export function packet(letter: string, ...parts: readonly (Uint8Array | string)[]): Buffer {
  const data = parts.map((part) => (typeof part === "string" ? Buffer.from(part) : part));
  const head = Buffer.alloc(5);
  head.writeUInt32BE(1 + data.reduce((sum, part) => sum + part.length, 0));
  head.write(letter, 4, "latin1");
  return Buffer.concat([head, ...data]);
}

/** A text of the protocol ends with a NUL, so it cannot have one. */
export const text = (value: string): Buffer =>
  Buffer.from(`${value.replaceAll("\0", "")}\0`, "utf8");

export const number = (value: number): Buffer => {
  const octets = Buffer.alloc(4);
  octets.writeUInt32BE(value);
  return octets;
};

/** The texts in a packet's data, with or without a NUL after the last. */
export function textsIn(data: Buffer): string[] {
  const texts = data.toString("utf8").split("\0");
  if (texts.at(-1) === "") texts.pop();
  return texts;
}

/** Reads packets off a socket. @throws FilterFailed */
export class PacketReader {
  readonly #chunks: AsyncIterator<Buffer>;
  #waiting: Buffer = Buffer.alloc(0);

  constructor(socket: Socket) {
    this.#chunks = (socket as AsyncIterable<Buffer>)[Symbol.asyncIterator]();
  }

  async next(): Promise<Packet> {
    const length = (await this.#octets(4)).readUInt32BE();
    if (length < 1 || length > limits.packetBytesMax) {
      throw new FilterFailed(`A milter cannot send a packet of ${length} octets`);
    }
    const octets = await this.#octets(length);
    return { letter: octets.toString("latin1", 0, 1), data: octets.subarray(1) };
  }

  async #octets(count: number): Promise<Buffer> {
    while (this.#waiting.length < count) {
      const chunk = await this.#chunk();
      this.#waiting = Buffer.concat([this.#waiting, chunk]);
    }
    const octets = this.#waiting.subarray(0, count);
    this.#waiting = this.#waiting.subarray(count);
    return octets;
  }

  async #chunk(): Promise<Buffer> {
    let result: IteratorResult<Buffer>;
    try {
      result = await this.#chunks.next();
    } catch (cause) {
      throw new FilterFailed("The connection to the milter was lost", { cause });
    }
    if (result.done === true) throw new FilterFailed("The milter closed the connection");
    return result.value;
  }
}
