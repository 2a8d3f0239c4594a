import { once } from "node:events";
import { connect, Socket, type TcpNetConnectOpts } from "node:net";
import type { Duplex } from "node:stream";
import { type ConnectionOptions, TLSSocket, connect as tlsConnect } from "node:tls";

/** Opens a TCP connection to `port` (on loopback, unless `host` says else) and resolves when it stands. */
export async function connectTo(address: TcpNetConnectOpts): Promise<Socket> {
  const socket = connect({ host: "127.0.0.1", ...address });
  await once(socket, "connect");
  return socket;
}

export type Heard =
  | { readonly kind: "line"; readonly octets: string }
  /** The server closed; `octets` came after its last CRLF. */
  | { readonly kind: "closed"; readonly octets: string }
  /** Nothing within the time limit; `octets` are what there is of a line. */
  | { readonly kind: "silence"; readonly octets: string };

/** One client's connection: collects what the server says, and gives it out line by line. */
export class Connection {
  #stream: Duplex;
  #received: Buffer[] = [];
  #isClosed = false;
  #wake: () => void = () => {};

  constructor(stream: Duplex) {
    this.#stream = stream;
    this.#listen();
  }

  /** Resolves when the octets were handed over; a server that closed is found out by the next line. */
  async send(octets: Buffer, timeoutMs: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#stream.write(octets, () => resolve());
    await within(promise, timeoutMs);
  }

  /** The next line without its CRLF. Only CRLF ends a line: a lone LF is part of it, and so seen. */
  async line(timeoutMs: number): Promise<Heard> {
    const deadlineMs = performance.now() + timeoutMs;
    for (;;) {
      const line = this.#takeLine();
      if (line !== undefined) return { kind: "line", octets: line };
      if (this.#isClosed) return { kind: "closed", octets: this.#takeAll() };

      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      const leftMs = deadlineMs - performance.now();
      if (!(await within(promise, leftMs))) return { kind: "silence", octets: this.#takeAll() };
    }
  }

  /** What came and was asked for by nobody. */
  unread(): string {
    return this.#takeAll();
  }

  async startTls(options: ConnectionOptions, timeoutMs: number): Promise<void> {
    this.#stream.removeAllListeners("data");
    this.#stream.removeAllListeners("end");
    this.#stream.removeAllListeners("close");
    const secure = tlsConnect({ ...options, socket: this.#stream });
    this.#stream = secure;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    secure.once("secureConnect", resolve).once("error", reject);
    const isDone = await within(promise, timeoutMs);
    if (!isDone) throw new Error(`TLS did not stand within ${timeoutMs} ms`);
    this.#listen();
  }

  /** Says that we send no more, and still listens. */
  close(): void {
    this.#stream.end();
  }

  /** Gone without a word, as when the network breaks: RST, and inside TLS no close_notify. */
  reset(): void {
    const stream = this.#stream;
    // Node 24 spins for ever when a socket is reset whose FIN is on its way; that one is closed already.
    const isEnding = stream.writableEnded || stream.readableEnded;
    const isTcp = stream instanceof Socket && !(stream instanceof TLSSocket);
    if (isTcp && !isEnding) stream.resetAndDestroy();
    else stream.destroy();
  }

  #listen(): void {
    const closed = () => {
      this.#isClosed = true;
      this.#wake();
    };
    this.#stream
      .on("data", (chunk: Buffer) => {
        this.#received.push(chunk);
        this.#wake();
      })
      .on("end", closed)
      .on("close", closed)
      // ECONNRESET and EPIPE are ways in which a server closes; "close" follows.
      .on("error", () => {});
  }

  #takeLine(): string | undefined {
    const [first = Buffer.alloc(0), ...more] = this.#received;
    const all = more.length === 0 ? first : Buffer.concat(this.#received);
    const end = all.indexOf("\r\n");
    this.#received = end < 0 ? [all] : [all.subarray(end + 2)];
    return end < 0 ? undefined : all.toString("latin1", 0, end);
  }

  #takeAll(): string {
    const all = Buffer.concat(this.#received).toString("latin1");
    this.#received = [];
    return all;
  }
}

/** Whether `promise` resolved before the time was over. */
async function within(promise: Promise<void>, timeoutMs: number): Promise<boolean> {
  const { promise: over, resolve } = Promise.withResolvers<boolean>();
  const timer = setTimeout(() => resolve(false), Math.max(0, timeoutMs));
  try {
    return await Promise.race([promise.then(() => true), over]);
  } finally {
    clearTimeout(timer);
  }
}
