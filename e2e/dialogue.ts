import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { connect as tlsConnect } from "node:tls";

/** Nothing here takes so long; a server that says nothing fails the test instead of hanging it. */
const SILENCE_MS = 60_000;

/** The server closed the connection, or it broke. */
export class ConnectionEnded extends Error {
  override readonly name = "ConnectionEnded";
}

/** One client's connection as octets: lines and literals in, anything out. No protocol, no politeness. */
export class Dialogue implements Disposable {
  #socket: Socket;
  #received: Buffer[] = [];
  #receivedBytes = 0;
  #hasEnded = false;
  #failure: Error | undefined;
  #wake: () => void = () => {};

  private constructor(socket: Socket) {
    this.#socket = socket;
    this.#listen();
  }

  static async open(
    port: number,
    {
      host = "127.0.0.1",
      isTls = false,
      localAddress,
    }: { host?: string; isTls?: boolean; localAddress?: string } = {},
  ): Promise<Dialogue> {
    const from = localAddress === undefined ? {} : { localAddress };
    const socket = isTls
      ? tlsConnect({ host, port, rejectUnauthorized: false, ...from })
      : connect({ host, port, ...from });
    try {
      await once(socket, isTls ? "secureConnect" : "connect");
    } catch (cause) {
      throw new ConnectionEnded(`Cannot connect to ${host} port ${port}`, { cause });
    }
    return new Dialogue(socket);
  }

  /** Over a connection that stands: the other side of one, for instance. */
  static over(socket: Socket): Dialogue {
    return new Dialogue(socket);
  }

  async startTls(): Promise<void> {
    this.#socket.removeAllListeners();
    const secure = tlsConnect({ socket: this.#socket, rejectUnauthorized: false });
    await once(secure, "secureConnect");
    this.#socket = secure;
    this.#listen();
  }

  /** The next line without its CRLF, in latin1: each character is an octet. @throws ConnectionEnded */
  async line(): Promise<string> {
    for (;;) {
      const all = this.#all();
      const end = all.indexOf("\r\n");
      if (end >= 0) return this.#take(end + 2).toString("latin1", 0, end);
      await this.#more();
    }
  }

  /** Exactly so many octets. @throws ConnectionEnded */
  async octets(length: number): Promise<Buffer> {
    while (this.#receivedBytes < length) await this.#more();
    return this.#take(length);
  }

  /** Everything up to the server's close. */
  async rest(): Promise<Buffer> {
    for (;;) {
      try {
        await this.#more();
      } catch (error) {
        if (!(error instanceof ConnectionEnded)) throw error;
        return this.#take(this.#receivedBytes);
      }
    }
  }

  /** Resolves when the kernel has it all: a server that does not read makes it wait. */
  async write(octets: string | Uint8Array): Promise<void> {
    const buffer = typeof octets === "string" ? Buffer.from(octets, "latin1") : octets;
    await new Promise<void>((resolve, reject) => {
      this.#socket.write(buffer, (cause) =>
        cause ? reject(new ConnectionEnded("The connection broke", { cause })) : resolve(),
      );
    });
  }

  /** Says that nothing more will be sent, and listens on. */
  end(): void {
    this.#socket.end();
  }

  /** Gone without a word. */
  reset(): void {
    this.#socket.resetAndDestroy();
  }

  [Symbol.dispose](): void {
    this.#socket.destroy();
  }

  #listen(): void {
    this.#socket
      .on("data", (chunk: Buffer) => {
        this.#received.push(chunk);
        this.#receivedBytes += chunk.length;
        this.#wake();
      })
      .on("error", (error: Error) => {
        this.#failure = error;
      })
      .on("end", () => this.#ended())
      .on("close", () => this.#ended());
  }

  #ended(): void {
    this.#hasEnded = true;
    this.#wake();
  }

  async #more(): Promise<void> {
    if (this.#hasEnded) {
      throw new ConnectionEnded("The server closed the connection", { cause: this.#failure });
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const timer = setTimeout(
      () =>
        reject(new Error(`The server says nothing; unread is ${this.#all().toString("latin1")}`)),
      SILENCE_MS,
    );
    this.#wake = resolve;
    try {
      await promise;
    } finally {
      clearTimeout(timer);
    }
  }

  #all(): Buffer {
    if (this.#received.length > 1) this.#received = [Buffer.concat(this.#received)];
    return this.#received[0] ?? Buffer.alloc(0);
  }

  #take(length: number): Buffer {
    const all = this.#all();
    this.#received = length < all.length ? [all.subarray(length)] : [];
    this.#receivedBytes = all.length - length;
    return all.subarray(0, length);
  }
}
