import type { Socket } from "node:net";
import { TLSSocket, type TlsOptions } from "node:tls";
import { Deflater, Inflater } from "./deflate-layer.ts";
import { type ChannelBindingType, certifiedAddressesOf, channelBindingOf } from "./tls-channel.ts";
import { Turns } from "./turns.ts";
import { ConnectionLost, IdleTimeout, LineTooLong } from "./wire-error.ts";

/** What the client may send ahead of our reading before we stop taking it from the kernel. */
const READ_AHEAD_BYTES_MAX = 128 * 1024;
/** What we may have written ahead of the client's reading before flush() waits. */
const WRITE_AHEAD_BYTES_MAX = 128 * 1024;
/** A handshake takes two round trips; whoever takes longer holds a slot and says nothing. */
const HANDSHAKE_MS_MAX = 10_000;
/** The kernel asks whether the client is still there: a laptop that was closed sends nothing more. */
const TCP_KEEPALIVE_MS = 2 * 60_000;
const NOTHING = Buffer.alloc(0);
const LF = 0x0a;
const CR = 0x0d;

/** Each takes a millisecond or so of the event loop, when the client's first octets are there. */
const handshakes = new Turns();
const ignore = (): void => {};
const connections = new WeakMap<Socket, WireConnection>();
const listeners: [event: string, listener: (...heard: unknown[]) => void][] = [];

/**
 * One connection of a line protocol, read and written by one loop: `await readLine()`, answer, again.
 *
 * Memory is bounded on both sides: octets the loop has not asked for yet stay in the kernel beyond
 * READ_AHEAD_BYTES_MAX, and flush() waits while more than WRITE_AHEAD_BYTES_MAX are unsent. An idle
 * connection holds no buffer at all.
 *
 * Writes are corked and leave together at the next flush(), or when a read has to wait: many small
 * answers to pipelined commands become one packet.
 */
export class WireConnection {
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly #handshakeMs: number;
  #socket: Socket;
  #received: Buffer = NOTHING;
  #isCorked = false;
  #deflater: Deflater | undefined;
  #inflater: Inflater | undefined;
  #hasEnded = false;
  #failure: Error | undefined;
  #wakeReader: (() => void) | undefined;
  #wakeWriter: (() => void) | undefined;
  #bytesRead = 0;
  #bytesWritten = 0;

  /** `idleMs`: how long to wait for the client, in either direction, before IdleTimeout; 0 is for ever. */
  constructor(socket: Socket, options: { readonly idleMs: number; readonly handshakeMs?: number }) {
    this.#socket = socket;
    this.#handshakeMs = options.handshakeMs ?? HANDSHAKE_MS_MAX;
    this.remoteAddress = withoutMappedPrefix(socket.remoteAddress ?? "");
    this.remotePort = socket.remotePort ?? 0;
    socket.setNoDelay(true);
    socket.setKeepAlive(true, TCP_KEEPALIVE_MS);
    socket.setTimeout(options.idleMs);
    this.#attach(socket);
  }

  get isEncrypted(): boolean {
    return this.#socket instanceof TLSSocket;
  }

  /** Protocol version and cipher of the TLS session; undefined in the clear. */
  get tls(): { readonly version: string; readonly cipher: string } | undefined {
    if (!(this.#socket instanceof TLSSocket)) return undefined;
    return {
      version: this.#socket.getProtocol() ?? "unknown",
      cipher: this.#socket.getCipher()?.name ?? "unknown",
    };
  }

  get isCompressed(): boolean {
    return this.#deflater !== undefined;
  }

  /** What ties a login to this TLS connection (RFC 5802 §6); undefined where there is no such thing. */
  channelBinding(type: ChannelBindingType): Buffer | undefined {
    return this.#socket instanceof TLSSocket ? channelBindingOf(this.#socket, type) : undefined;
  }

  /** The mail addresses that the client has proved by a certificate; none without a trusted one. */
  get certifiedAddresses(): readonly string[] {
    return this.#socket instanceof TLSSocket ? certifiedAddressesOf(this.#socket) : [];
  }

  get isClosed(): boolean {
    return this.#socket.destroyed;
  }

  /** Octets of the application before and inside TLS; those that came compressed count as they came. */
  get bytesRead(): number {
    return this.#bytesRead;
  }

  get bytesWritten(): number {
    return this.#bytesWritten;
  }

  setIdle(idleMs: number): void {
    this.#socket.setTimeout(idleMs);
  }

  /** True when octets have come in that nobody has read yet: the client pipelines. */
  hasBuffered(): boolean {
    return this.#received.length > 0 || (this.#inflater?.heldBytes ?? 0) > 0;
  }

  /**
   * Calls back once there is something to read, or nothing more will come: at once where that is so already. For
   * who waits for long, and for other things too: a promise that waits inside readLine() takes some 2 KiB.
   */
  whenReadable(callback: () => void): void {
    this.#uncork();
    if (this.hasBuffered() || this.#hasEnded || this.#failure !== undefined) callback();
    else {
      if (this.#socket.isPaused()) this.#socket.resume();
      this.#wakeReader = callback;
    }
  }

  /**
   * The next line without its CRLF (or lone LF, which clients on a terminal send), or undefined when the
   * client has closed. A last line without an end is not a line: the client went away inside it.
   *
   * @throws LineTooLong after the rest of the line has been skipped, so that the session can go on
   * @throws IdleTimeout, ConnectionLost
   */
  async readLine(bytesMax: number): Promise<Buffer | undefined> {
    let searched = 0;
    for (;;) {
      const end = this.#received.indexOf(LF, searched);
      if (end !== -1 && end <= bytesMax + 1) return this.#takeLine(end);
      if (end !== -1 || this.#received.length > bytesMax + 1) {
        await this.#skipLine();
        throw new LineTooLong(bytesMax);
      }
      searched = this.#received.length;
      if (!(await this.#receive())) return undefined;
    }
  }

  /**
   * Exactly `length` octets, in pieces as they come. Leaving the loop early leaves the rest unread.
   *
   * @throws ConnectionLost when the client closes before all have come
   */
  async *readOctets(length: number): AsyncGenerator<Buffer, void, void> {
    let left = length;
    while (left > 0) {
      if (this.#received.length === 0 && !(await this.#receive())) {
        throw new ConnectionLost("The client closed the connection inside a literal");
      }
      const piece = this.#received.subarray(0, left);
      this.#dropReceived(piece.length);
      left -= piece.length;
      yield piece;
    }
  }

  /** Queues octets (or text as UTF-8) for the next flush(). Nothing happens on a lost connection. */
  write(octets: Uint8Array | string): void {
    if (this.#socket.destroyed || this.#socket.writableEnded) return;
    if (!this.#isCorked) {
      this.#isCorked = true;
      this.#socket.cork();
    }
    this.#bytesWritten += typeof octets === "string" ? Buffer.byteLength(octets) : octets.length;
    if (this.#deflater === undefined) this.#socket.write(octets);
    else if (this.#deflater.add(typeof octets === "string" ? Buffer.from(octets) : octets)) {
      this.#compress();
    }
  }

  /** Sends what was written, and waits while the client is too slow to take it. @throws ConnectionLost */
  async flush(): Promise<void> {
    this.#uncork();
    while (this.#socket.writableLength > WRITE_AHEAD_BYTES_MAX) {
      if (this.#failure !== undefined) throw this.#failure;
      await new Promise<void>((wake) => {
        this.#wakeWriter = wake;
      });
    }
    if (this.#failure !== undefined) throw this.#failure;
  }

  /**
   * Answers STARTTLS: call it after the positive reply was written. Whatever came in the clear behind
   * the command is dropped, so that nobody can slip commands into the encrypted session
   * (RFC 3207 §6, RFC 9051 §11.1, RFC 2595 §4).
   *
   * @throws ConnectionLost when the handshake fails, or is not done within 10 s
   */
  async startTls(options: TlsOptions): Promise<void> {
    this.#uncork();
    const plain = this.#socket;
    this.#detach(plain);
    this.#received = NOTHING;
    await handshakes.take();
    if (plain.destroyed) throw new ConnectionLost("The connection was closed");
    const secure = new TLSSocket(plain, { ...options, isServer: true });
    secure.setTimeout(plain.timeout ?? 0);
    plain.setTimeout(0);
    this.#socket = secure;
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve, reject) => {
      const failed = (cause?: Error) => {
        secure.destroy();
        reject(
          new ConnectionLost(`TLS handshake failed: ${cause?.message ?? "closed"}`, { cause }),
        );
      };
      secure.once("secure", resolve);
      secure.once("error", failed);
      secure.once("close", () => failed());
      // Of the whole handshake, so that an octet now and then does not prolong it.
      timer = setTimeout(() => failed(new Error("timed out")), this.#handshakeMs);
    }).finally(() => clearTimeout(timer));
    secure.removeAllListeners("error");
    secure.removeAllListeners("close");
    this.#attach(secure);
  }

  /**
   * From here on both directions are compressed (RFC 4978 §3): call it after the positive reply was
   * written. A client waits for that reply, so whatever has come before it counts as compressed.
   */
  startCompression(): void {
    this.#deflater = new Deflater();
    this.#inflater = new Inflater();
    this.#inflater.push(this.#received);
    this.#received = NOTHING;
  }

  /** Back to octets as they are, behind the reply that was just written (RFC 8437 §4.1). */
  stopCompression(): void {
    if (this.#inflater === undefined) return;
    this.#compress();
    this.#deflater = undefined;
    this.#received = Buffer.concat([this.#received, this.#inflater.end()]);
    this.#inflater = undefined;
  }

  /** Sends what is queued and ends the connection; the client gets 2 s to take it. */
  close(): void {
    this.#uncork();
    this.#socket.end();
    this.#socket.setTimeout(2000, () => this.#socket.destroy());
    this.#socket.resume();
  }

  /** Ends the connection at once. */
  destroy(): void {
    this.#socket.destroy();
  }

  #attach(socket: Socket): void {
    connections.set(socket, this);
    for (const [event, listener] of listeners) socket.on(event, listener);
  }

  #detach(socket: Socket): void {
    for (const [event, listener] of listeners) socket.off(event, listener);
    socket.pause();
    socket.on("error", ignore); // the TLS socket above it reports
  }

  /** What the socket has to say comes here: one function for all connections, and not six for each. */
  static {
    const listenTo = <Heard extends unknown[]>(
      event: string,
      tell: (connection: WireConnection, ...heard: Heard) => void,
    ): void => {
      listeners.push([
        event,
        function (this: Socket, ...heard: Heard) {
          const connection = connections.get(this);
          if (connection !== undefined) tell(connection, ...heard);
        } as (...heard: unknown[]) => void,
      ]);
    };
    listenTo("data", (connection, octets: Buffer) => connection.#onData(octets));
    listenTo("end", (connection) => connection.#onEnd());
    listenTo("error", (connection, cause: Error) => connection.#onError(cause));
    listenTo("close", (connection) => connection.#onClose());
    listenTo("drain", (connection) => connection.#onDrain());
    listenTo("timeout", (connection) => connection.#onTimeout());
  }

  #onData(octets: Buffer): void {
    this.#bytesRead += octets.length;
    if (this.#inflater === undefined) this.#append(octets);
    else this.#inflater.push(octets);
    if (this.#heldBytes > READ_AHEAD_BYTES_MAX) this.#socket.pause();
    this.#wake();
  }

  #onEnd(): void {
    this.#hasEnded = true;
    this.#wake();
  }

  #onError(cause: Error): void {
    this.#failure ??= new ConnectionLost(`The connection was lost: ${cause.message}`, { cause });
    this.#wake();
  }

  #onClose(): void {
    this.#hasEnded = true;
    this.#failure ??= new ConnectionLost("The connection was closed");
    this.#inflater?.destroy();
    this.#wake();
  }

  #onDrain(): void {
    const wake = this.#wakeWriter;
    this.#wakeWriter = undefined;
    wake?.();
  }

  /** A reader is told, so that it can say good-bye; a client that does not read is cut off. */
  #onTimeout(): void {
    this.#failure ??= new IdleTimeout();
    if (this.#wakeReader === undefined) this.#socket.destroy();
    this.#wake();
  }

  #wake(): void {
    const wake = this.#wakeReader;
    this.#wakeReader = undefined;
    wake?.();
    if (this.#failure !== undefined) this.#onDrain();
  }

  /** Waits until there is more to read; false when nothing more will come. */
  async #receive(): Promise<boolean> {
    this.#uncork();
    const inflater = this.#inflater;
    if (inflater === undefined) return await this.#receiveOctets();
    for (;;) {
      const piece = await inflater.next();
      this.#append(piece);
      if (piece.length > 0) return true;
      if (!(await this.#receiveOctets())) return false;
    }
  }

  /** Waits until the client has sent more. */
  async #receiveOctets(): Promise<boolean> {
    const before = this.#heldBytes;
    while (this.#heldBytes === before) {
      if (this.#hasEnded) return false;
      if (this.#failure !== undefined) throw this.#failure;
      if (this.#socket.isPaused()) this.#socket.resume();
      await new Promise<void>((wake) => {
        this.#wakeReader = wake;
      });
    }
    return true;
  }

  /** What the client has sent and nobody has asked for yet. */
  get #heldBytes(): number {
    return this.#inflater?.heldBytes ?? this.#received.length;
  }

  #append(octets: Buffer): void {
    this.#received = this.#received.length === 0 ? octets : Buffer.concat([this.#received, octets]);
  }

  #takeLine(end: number): Buffer {
    const hasCr = end > 0 && this.#received[end - 1] === CR;
    const line = this.#received.subarray(0, hasCr ? end - 1 : end);
    this.#dropReceived(end + 1);
    return line;
  }

  /** A view of no octets would still hold the whole piece that the kernel gave. */
  #dropReceived(length: number): void {
    this.#received = length === this.#received.length ? NOTHING : this.#received.subarray(length);
  }

  async #skipLine(): Promise<void> {
    for (;;) {
      const end = this.#received.indexOf(LF);
      if (end !== -1) {
        this.#takeLine(end);
        return;
      }
      this.#received = NOTHING;
      if (!(await this.#receive())) return;
    }
  }

  /** Hands over what waits to be compressed. */
  #compress(): void {
    const octets = this.#deflater?.take();
    if (octets === undefined || octets.length === 0) return;
    if (!this.#socket.destroyed && !this.#socket.writableEnded) this.#socket.write(octets);
  }

  #uncork(): void {
    if (!this.#isCorked) return;
    this.#compress();
    this.#isCorked = false;
    this.#socket.uncork();
  }
}

/** An IPv4 client on a dual-stack socket shows as ::ffff:192.0.2.1; everybody else knows it as 192.0.2.1. */
function withoutMappedPrefix(address: string): string {
  return address.startsWith("::ffff:") && address.includes(".") ? address.slice(7) : address;
}
