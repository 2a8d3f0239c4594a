import { once } from "node:events";
import { connect, type Socket } from "node:net";

const LF = 0x0a;
const end = Buffer.from("\r\n.\r\n");

/** A POP3 client that asks and waits, as getmail and fetchmail do, and looks at what comes as little as it can. */
export class Pop3Client {
  readonly #socket: Socket;
  readonly #chunks: AsyncIterator<Buffer>;
  #held: Buffer = Buffer.alloc(0);

  private constructor(socket: Socket) {
    this.#socket = socket;
    this.#chunks = socket[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  }

  static async logIn(port: number, user: string, password: string): Promise<Pop3Client> {
    const socket = connect({ port, host: "127.0.0.1", noDelay: true });
    await once(socket, "connect");
    const client = new Pop3Client(socket);
    await client.#line();
    await client.say(`USER ${user}`);
    await client.say(`PASS ${password}`);
    return client;
  }

  /** The first line of the answer. */
  async say(command: string): Promise<string> {
    this.#socket.write(`${command}\r\n`);
    const line = await this.#line();
    if (!line.startsWith("+OK")) throw new Error(`${command}: ${line}`);
    return line;
  }

  /** A command whose answer has many lines; how many octets they have. */
  async read(command: string): Promise<number> {
    this.#socket.write(`${command}\r\n`);
    let octets = 0;
    // What comes may end anywhere within the line of a dot.
    let tail = Buffer.alloc(0);
    let chunk = await this.#chunk();
    if (chunk[0] !== 0x2b) throw new Error(`${command}: ${chunk.toString("latin1", 0, 80)}`);
    for (;;) {
      octets += chunk.length;
      tail = Buffer.concat([tail, chunk.subarray(-end.length)]).subarray(-end.length);
      if (tail.equals(end)) return octets;
      chunk = await this.#chunk();
    }
  }

  async quit(): Promise<void> {
    await this.say("QUIT");
    this.#socket.destroy();
  }

  async #line(): Promise<string> {
    while (!this.#held.includes(LF)) {
      this.#held = Buffer.concat([this.#held, await this.#next()]);
    }
    const at = this.#held.indexOf(LF) + 1;
    const line = this.#held.toString("latin1", 0, at).trimEnd();
    this.#held = this.#held.subarray(at);
    return line;
  }

  async #chunk(): Promise<Buffer> {
    if (this.#held.length === 0) return await this.#next();
    const held = this.#held;
    this.#held = Buffer.alloc(0);
    return held;
  }

  async #next(): Promise<Buffer> {
    const { value, done } = await this.#chunks.next();
    if (done === true) throw new Error("The server has closed");
    return value;
  }
}
