import { ConnectionLost, LineTooLong, type WireConnection } from "@posthouse/wire";

const LF = 0x0a;
const CR = 0x0d;

/** A connection whose client has sent all that it ever will: as WireConnection reads it, without a socket. */
export class ScriptedConnection {
  readonly remoteAddress = "192.0.2.1";
  readonly isEncrypted = true;
  readonly isClosed = false;
  readonly certifiedAddresses: readonly string[] = [];
  readonly #octets: Buffer;
  #at = 0;

  constructor(octets: Buffer) {
    this.#octets = octets;
  }

  /** What it lacks no command asks for before its arguments are read. */
  asConnection(): WireConnection {
    return this as unknown as WireConnection;
  }

  get leftBytes(): number {
    return this.#octets.length - this.#at;
  }

  async readLine(bytesMax: number): Promise<Buffer | undefined> {
    const end = this.#octets.indexOf(LF, this.#at);
    if (end === -1) {
      const isTooLong = this.leftBytes > bytesMax + 1;
      this.#at = this.#octets.length;
      if (isTooLong) throw new LineTooLong(bytesMax);
      return undefined;
    }
    const start = this.#at;
    this.#at = end + 1;
    if (end - start > bytesMax + 1) throw new LineTooLong(bytesMax);
    return this.#octets.subarray(
      start,
      end > start && this.#octets[end - 1] === CR ? end - 1 : end,
    );
  }

  async *readOctets(length: number): AsyncGenerator<Buffer> {
    const piece = this.#octets.subarray(this.#at, this.#at + length);
    this.#at += piece.length;
    if (piece.length > 0) yield piece;
    if (piece.length < length) throw new ConnectionLost("The client has sent all that it will");
  }

  hasBuffered(): boolean {
    return this.leftBytes > 0;
  }

  whenReadable(callback: () => void): void {
    callback();
  }

  channelBinding(): undefined {}
  setIdle(): void {}
  write(): void {}
  async flush(): Promise<void> {}
}
