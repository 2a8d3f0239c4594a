import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { connect as connectTls, type TLSSocket } from "node:tls";
import { constants, deflateRawSync, inflateRawSync } from "node:zlib";

export type IdleMode = "plain" | "tls" | "tls and deflate";

export interface IdleClientOptions {
  readonly port: number;
  readonly mode: IdleMode;
  /** Where it comes from: 127.0.0.1 has ports for 28,000 connections, and limits of its own. */
  readonly localAddress: string;
  readonly user: string;
  readonly password: string;
}

const DICTIONARY_BYTES = 32 * 1024;

/**
 * A client that selects INBOX and idles. It keeps no more than it must: ten thousand are in one process beside
 * the one that is measured.
 */
export class IdleClient {
  readonly user: string;
  readonly #socket: Socket | TLSSocket;
  #text = "";
  #plain: Buffer | undefined;
  #tag = 0;
  #waiting: { pattern: RegExp; resolve: (line: string) => void; reject: (e: Error) => void }[] = [];
  /** Lines that came while nobody waited. */
  #unasked: string[] = [];

  private constructor(socket: Socket | TLSSocket, user: string) {
    this.#socket = socket;
    this.user = user;
    socket.setNoDelay(true);
    socket.on("data", (octets: Buffer) => this.#receive(octets));
    socket.on("error", (error) => this.#fail(error));
    socket.on("close", () => this.#fail(new Error(`${user}: the server closed the connection`)));
  }

  static async open(options: IdleClientOptions): Promise<IdleClient> {
    const { port, localAddress, mode, user, password } = options;
    const at = { host: "127.0.0.1", port, localAddress };
    const socket =
      mode === "plain" ? connect(at) : connectTls({ ...at, rejectUnauthorized: false });
    const client = new IdleClient(socket, user);
    await once(socket, mode === "plain" ? "connect" : "secureConnect");
    await client.line(/^\* OK/);
    await client.command(`LOGIN ${user} ${password}`);
    if (mode === "tls and deflate") {
      await client.command("COMPRESS DEFLATE");
      client.#plain = Buffer.alloc(0);
    }
    return client;
  }

  async select(): Promise<void> {
    await this.command("SELECT INBOX");
  }

  async idle(): Promise<void> {
    this.#write(`i IDLE\r\n`);
    await this.line(/^\+/);
    this.#unasked = [];
  }

  async command(text: string): Promise<string> {
    this.#tag += 1;
    const tag = `a${this.#tag}`;
    const done = this.line(new RegExp(`^${tag} `));
    this.#write(`${tag} ${text}\r\n`);
    const answer = await done;
    this.#unasked = [];
    if (!answer.startsWith(`${tag} OK`)) throw new Error(`${this.user}: ${text}: ${answer}`);
    return answer;
  }

  /** The next line like this, also one that has come since it was idle. */
  async line(pattern: RegExp): Promise<string> {
    const at = this.#unasked.findIndex((line) => pattern.test(line));
    if (at !== -1) return this.#unasked.splice(0, at + 1).at(-1) ?? "";
    return await new Promise((resolve, reject) => {
      this.#waiting.push({ pattern, resolve, reject });
    });
  }

  /** What came before is nothing that line() gives: earlier pushes to others of the same account. */
  forget(): void {
    this.#unasked = [];
  }

  close(): void {
    this.#socket.removeAllListeners("close");
    this.#socket.destroy();
  }

  #write(text: string): void {
    if (this.#plain === undefined) this.#socket.write(text);
    else {
      const finishFlush = constants.Z_SYNC_FLUSH;
      this.#socket.write(deflateRawSync(Buffer.from(text), { finishFlush }));
    }
  }

  /** Both servers flush at the end of what they have to say, and it is short: a piece is a whole flush. */
  #inflate(octets: Buffer): Buffer {
    if (this.#plain === undefined) return octets;
    const piece = inflateRawSync(octets, {
      finishFlush: constants.Z_SYNC_FLUSH,
      ...(this.#plain.length > 0 && { dictionary: this.#plain }),
    });
    this.#plain = Buffer.from(Buffer.concat([this.#plain, piece]).subarray(-DICTIONARY_BYTES));
    return piece;
  }

  #receive(octets: Buffer): void {
    this.#text += this.#inflate(octets).toString("latin1");
    for (let end = this.#text.indexOf("\r\n"); end !== -1; end = this.#text.indexOf("\r\n")) {
      const line = this.#text.slice(0, end);
      this.#text = this.#text.slice(end + 2);
      const at = this.#waiting.findIndex(({ pattern }) => pattern.test(line));
      if (at === -1) {
        this.#unasked.push(line);
        if (this.#unasked.length > 20) this.#unasked.shift();
      } else this.#waiting.splice(at, 1)[0]?.resolve(line);
    }
  }

  #fail(error: Error): void {
    for (const { reject } of this.#waiting.splice(0)) reject(error);
  }
}

/** 127.0.0.2 and on: so many connections from each. */
export const sourceAddress = (number: number): string => `127.0.0.${2 + (number % 100)}`;

/** Runs `work` for 0 to `count` (exclusive), so many at once. */
export async function inParallel(
  count: number,
  atOnce: number,
  work: (number: number) => Promise<void>,
): Promise<void> {
  let next = 0;
  const workOn = async (): Promise<void> => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, count) }, workOn));
}
