import { connect as connectTcp, type NetConnectOpts, type Socket } from "node:net";
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from "node:tls";
import { clientLimits } from "./limits.ts";

/** The socket under the client is gone or too slow. The session knows in which phase, and says it. */
export class TransportError extends Error {
  override readonly name = "TransportError";
  /** The server sent what no SMTP server sends. */
  readonly isProtocol: boolean;

  constructor(message: string, isProtocol = false) {
    super(message);
    this.isProtocol = isProtocol;
  }
}

/**
 * One socket as the client's side needs it: lines in, octets out, each wait with its own time limit.
 *
 * It reads while it writes. A server that refuses in the middle of the data and closes is heard, and a
 * group of commands can never end in both sides waiting for the other to read (RFC 2920 §3.1).
 */
export class ClientTransport {
  #socket: Socket;
  #received: Buffer = Buffer.alloc(0);
  #failure: Error | undefined;
  #wake: (() => void) | undefined;
  #detach: () => void;

  constructor(socket: Socket) {
    this.#socket = socket;
    this.#detach = this.#attach(socket);
  }

  /** Waits for TCP or the unix socket, and sets what every SMTP connection wants. */
  static async connect(options: NetConnectOpts, timeoutMs: number): Promise<ClientTransport> {
    const socket = connectTcp(options);
    socket.setNoDelay(true);
    socket.setKeepAlive(true, 60_000);
    const transport = new ClientTransport(socket);
    await transport.#until(() => !socket.connecting, timeoutMs, socket, "connect");
    return transport;
  }

  get socket(): Socket {
    return this.#socket;
  }

  /** False once the socket has ended, failed or been closed. */
  get isOpen(): boolean {
    return this.#failure === undefined && !this.#socket.destroyed && this.#socket.writable;
  }

  /** True when the server said something that nobody asked for yet. */
  get hasReceived(): boolean {
    return this.#received.length > 0;
  }

  /** One line without CRLF or lone LF. What was received before the end is still given out. */
  async readLine(deadlineMs: number): Promise<Buffer> {
    for (;;) {
      const end = this.#received.indexOf(0x0a);
      if (end > clientLimits.replyLineBytesMax || (end < 0 && this.#isLineTooLong())) {
        const message = `A line of the reply is longer than ${clientLimits.replyLineBytesMax} octets`;
        throw new TransportError(message, true);
      }
      if (end >= 0) return this.#take(end);
      if (this.#failure !== undefined) throw this.#failure;
      await this.#wait(deadlineMs - performance.now());
    }
  }

  /** Hands octets to the socket without waiting: for commands, whose replies are waited for. */
  write(octets: Uint8Array | string): void {
    if (this.#failure === undefined) this.#socket.write(octets);
  }

  /** Writes, and waits while the server is slow: at most `timeoutMs` for this block. */
  async writeBlock(pieces: readonly Uint8Array[], timeoutMs: number): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    this.#socket.cork();
    for (const piece of pieces) this.#socket.write(piece);
    this.#socket.uncork();
    const deadlineMs = performance.now() + timeoutMs;
    while (this.#socket.writableNeedDrain) {
      if (this.#failure !== undefined) throw this.#failure;
      await this.#wait(deadlineMs - performance.now());
    }
  }

  /**
   * Puts TLS on this socket. Whatever came before the handshake was not protected by it and is thrown
   * away, so that no reply put in by someone between us is ever read as the server's (RFC 3207 §6).
   */
  async startTls(options: ConnectionOptions, timeoutMs: number): Promise<TLSSocket> {
    const plain = this.#socket;
    this.#detach();
    plain.pause();
    while (plain.read() !== null);
    this.#received = Buffer.alloc(0);
    const encrypted = connectTls({ ...options, socket: plain });
    this.#socket = encrypted;
    this.#detach = this.#attach(encrypted);
    let isSecure = false;
    encrypted.once("secureConnect", () => {
      isSecure = true;
      this.#wakeUp();
    });
    await this.#until(() => isSecure, timeoutMs, encrypted, "TLS handshake");
    return encrypted;
  }

  /** Closes at once; whoever waits is told. */
  close(): void {
    this.#fail(new TransportError("the session was closed here"));
    this.#socket.destroy();
  }

  /** What is awaited in one place only, and so one waiter is enough. */
  async #until(
    isDone: () => boolean,
    timeoutMs: number,
    socket: Socket,
    what: string,
  ): Promise<void> {
    const deadlineMs = performance.now() + timeoutMs;
    try {
      for (;;) {
        if (this.#failure !== undefined) throw this.#failure;
        if (isDone()) return;
        await this.#wait(deadlineMs - performance.now());
      }
    } catch (cause) {
      socket.destroy();
      throw cause instanceof TransportError
        ? new TransportError(`${what}: ${cause.message}`)
        : cause;
    }
  }

  #attach(socket: Socket): () => void {
    const onData = (octets: Buffer): void => {
      this.#received =
        this.#received.length === 0 ? octets : Buffer.concat([this.#received, octets]);
      if (this.#received.length > clientLimits.receivedBytesMax) socket.pause();
      this.#wakeUp();
    };
    const onError = (error: Error): void => this.#fail(error);
    const onEnd = (): void => this.#fail(new TransportError("the server closed the connection"));
    const onWake = (): void => this.#wakeUp();
    socket.on("data", onData).on("error", onError).on("end", onEnd).on("close", onEnd);
    socket.on("connect", onWake).on("drain", onWake);
    return () => {
      socket.off("data", onData).off("end", onEnd).off("close", onEnd);
      socket.off("connect", onWake).off("drain", onWake);
    };
  }

  #isLineTooLong(): boolean {
    return this.#received.length > clientLimits.replyLineBytesMax;
  }

  #take(end: number): Buffer {
    const line = this.#received.subarray(0, this.#received[end - 1] === 0x0d ? end - 1 : end);
    this.#received = this.#received.subarray(end + 1);
    if (this.#socket.isPaused() && this.#received.length <= clientLimits.receivedBytesMax) {
      this.#socket.resume();
    }
    return line;
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    this.#wakeUp();
  }

  #wakeUp(): void {
    this.#wake?.();
    this.#wake = undefined;
  }

  /** Waits for anything to happen on the socket. */
  #wait(forMs: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => {
          this.#wake = undefined;
          reject(new TransportError("the server did not answer in time"));
        },
        Math.max(0, forMs),
      );
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
