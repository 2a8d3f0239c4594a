import type { Socket } from "node:net";
import type { SecureContext, TLSSocket } from "node:tls";
import { type ChannelBindingType, certifiedAddressesOf, channelBindingOf } from "@posthouse/wire";
import { SMTPServer } from "smtp-server";
import { SMTPConnection, type SMTPConnectionOptions } from "smtp-server/lib/smtp-connection.js";
import type { SMTPStream } from "smtp-server/lib/smtp-stream.js";
import type { Reply } from "../reply.ts";
import type { ConnectionCount } from "./connection-count.ts";
import { formatReply } from "./format-reply.ts";
import { SmtpInput } from "./input.ts";
import { serverLimits } from "./limits.ts";
import { replies } from "./replies.ts";
import { isLoopbackAddress, Session, type SessionTransport } from "./session.ts";
import type { SmtpServerOptions } from "./smtp-server.ts";

/**
 * The only file that knows the smtp-server package.
 *
 * Used of it: accepting sockets, TLS from the first octet and by STARTTLS with its traps (what came in
 * the clear, renegotiation, handshakes that never end), and closing half-open connections. Not used:
 * its parser and its commands, which have no BDAT, one enhanced code for each number, and give no
 * say over addresses, parameters and line ends. Everything with `_` is private to the package: its
 * version is pinned, and the tests in test/server hold each of these to what is relied on here.
 */
export class LibraryServer extends SMTPServer {
  readonly ours: SmtpServerOptions;
  readonly count: ConnectionCount;
  readonly #live = new Set<LibraryConnection>();
  #whenEmpty: (() => void) | undefined;

  constructor(options: SmtpServerOptions, count: ConnectionCount) {
    super({
      name: options.hostname,
      lmtp: options.flavour === "lmtp",
      secure: options.tls?.mode === "implicit",
      hideSTARTTLS: options.tls?.mode !== "starttls",
      disabledCommands: options.tls === undefined ? ["STARTTLS"] : [],
      disableReverseLookup: true,
      logger: false,
      // The guard of sockets whose TLS handshake is not done; sessions have their own times.
      socketTimeout: serverLimits.handshakeMs,
      ...(options.tls?.wantsClientCertificate && {
        requestCert: true,
        rejectUnauthorized: false,
      }),
      ...(options.tls !== undefined && {
        SNICallback: (name: string, done: (error: null, context: SecureContext) => void) =>
          done(null, options.tls?.identity.context(name) as SecureContext),
      }),
      // A client may say everything and close its side; it still hears the replies.
      allowHalfOpen: true,
    } as ConstructorParameters<typeof SMTPServer>[0]);
    this.ours = options;
    this.count = count;
    if (options.tls !== undefined) this.secureContext = new CurrentContext(options.tls.identity);
    // Handshakes that fail and connections that break: the internet, and nobody's error.
    this.on("error", () => {});
  }

  override connect(socket: Socket | TLSSocket, socketOptions?: SMTPConnectionOptions | null): void {
    const address = plainAddress(socketOptions?.remoteAddress ?? socket.remoteAddress);
    const refusal = this.count.enter(address);
    if (refusal !== undefined) {
      refuse(socket, refusal);
      return;
    }
    const connection = new LibraryConnection(this, socket, socketOptions, address);
    this.connections.add(connection as unknown as SMTPConnection);
    this.#live.add(connection);
    connection.on("error", () => {});
    connection.onceClosed(() => {
      this.count.leave(address);
      this.#live.delete(connection);
      if (this.#live.size === 0) this.#whenEmpty?.();
    });
    connection.init();
  }

  /**
   * In the same turn of the loop, and with the address of the socket below TLS: an app that stands behind
   * a proxy has written the client's there. The package's own reader of PROXY headers is not used, since it
   * knows version 1 alone.
   */
  override _handleProxy(
    { remoteAddress }: Socket,
    done: (error: null, options: { id: string; remoteAddress?: string }) => void,
  ): void {
    // The package gives it an id of its own then.
    done(null, { id: "", ...(remoteAddress !== undefined && { remoteAddress }) });
  }

  shutDownSessions(): void {
    for (const pending of this._pendingSockets.values()) pending.destroy();
    for (const connection of this.#live) connection.ourSession.shutDown();
  }

  /** RFC 5321 §3.8: 421, whatever they are at. */
  hangUpSessions(): void {
    for (const connection of this.#live) connection.ourSession.hangUp(replies.closing);
  }

  destroySessions(): void {
    for (const connection of this.#live) connection.destroy();
  }

  async sessionsEnded(): Promise<void> {
    if (this.#live.size === 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#whenEmpty = resolve;
    await promise;
  }
}

/** The certificate as it is at this moment, for handshakes without SNI. */
class CurrentContext extends Map<string, SecureContext> {
  readonly #identity: { context(): SecureContext };

  constructor(identity: { context(): SecureContext }) {
    super();
    this.#identity = identity;
  }

  override get(): SecureContext {
    return this.#identity.context();
  }
}

/** One connection: the package's socket and TLS below, our Session above. */
class LibraryConnection extends SMTPConnection implements SessionTransport {
  readonly ourSession: Session;
  readonly address: string;
  readonly isLoopback: boolean;
  readonly #idleMs: number;
  readonly #tickMs: number;
  readonly #count: ConnectionCount;
  #silentMs = 0;
  #movedBytes = -1;
  #onClosed: () => void = () => {};
  #whenWritable: (() => void) | undefined;
  #tlsDone: ((input: SmtpInput | undefined) => void) | undefined;

  constructor(
    server: LibraryServer,
    socket: Socket | TLSSocket,
    socketOptions: SMTPConnectionOptions | null | undefined,
    address: string,
  ) {
    super(server, socket, socketOptions);
    this.address = address;
    this.#idleMs = server.ours.idleMs ?? serverLimits.idleMs;
    const crowdedIdleMs = server.ours.crowdedIdleMs ?? serverLimits.crowdedIdleMs;
    this.#tickMs = Math.min(this.#idleMs, crowdedIdleMs);
    this.#count = server.count;
    this.isLoopback = isLoopbackAddress(address);
    this.ourSession = new Session(server.ours, this, this.#input());
  }

  get isCrowded(): boolean {
    return this.#count.isCrowded;
  }

  get tls(): SessionTransport["tls"] {
    if (!this.secure) return undefined;
    const socket = this._socket as TLSSocket;
    return {
      version: socket.getProtocol() ?? "TLS",
      cipher: socket.getCipher()?.standardName ?? "",
    };
  }

  channelBinding(type: ChannelBindingType): Buffer | undefined {
    return this.secure ? channelBindingOf(this._socket as TLSSocket, type) : undefined;
  }

  certifiedAddresses(): readonly string[] {
    return this.secure ? certifiedAddressesOf(this._socket as TLSSocket) : [];
  }

  onceClosed(onClosed: () => void): void {
    this.#onClosed = onClosed;
  }

  override init(): void {
    this._ready = true;
    this._setListeners(() => {});
    void this.ourSession.run();
  }

  write(octets: string): Promise<void> | undefined {
    const socket = this._socket;
    // While a handshake runs the socket is still the raw one, and ours would be in the middle of it.
    if (this._upgrading || !socket.writable) return undefined;
    if (socket.write(octets)) return undefined;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#whenWritable = resolve;
    socket.once("drain", resolve);
    return promise;
  }

  async startTls(): Promise<SmtpInput | undefined> {
    const { promise, resolve } = Promise.withResolvers<SmtpInput | undefined>();
    this.#tlsDone = resolve;
    this.upgrade(
      () => {},
      () => {
        // The handshake armed the timer of the new socket; now it measures the session.
        this._socket.setTimeout(this.#tickMs);
        resolve(this.#input());
      },
    );
    return await promise;
  }

  end(): void {
    this.close();
  }

  destroy(): void {
    this._socket.destroy();
  }

  override _createParser(): SMTPStream {
    return new SmtpInput() as unknown as SMTPStream;
  }

  override _armTimeout(socket: Socket = this._socket): void {
    const idleMs = this._upgrading ? serverLimits.handshakeMs : this.#tickMs;
    socket.setTimeout(idleMs, () => this._onTimeout());
  }

  /** Silence is looked at in short pieces: how much of it is let pass depends on how many wait outside. */
  override _onTimeout(): void {
    const { bytesRead, bytesWritten } = this._socket;
    const moved = bytesRead + bytesWritten;
    this.#silentMs = moved === this.#movedBytes ? this.#silentMs + this.#tickMs : this.#tickMs;
    this.#movedBytes = moved;
    if (this._closing || this._upgrading) this._socket.destroy();
    else if (!this.ourSession.isWaiting) this._armTimeout();
    else if (this.#silentMs >= this.#idleMs || this.#count.isCrowded) this.ourSession.timeOut();
    else this._armTimeout();
  }

  override _onClose(): void {
    const isFirst = !this._closed;
    super._onClose();
    if (!isFirst) return;
    this.#whenWritable?.();
    this.#tlsDone?.(undefined);
    this.#onClosed();
  }

  /** What _createParser() made last: a new one after STARTTLS. */
  #input(): SmtpInput {
    return this._parser as unknown as SmtpInput;
  }
}

/** Too many are here: it is told so, where it can read it, and gone. */
function refuse(socket: Socket, reply: Reply): void {
  socket.on("error", () => {});
  socket.end(formatReply(reply));
  setTimeout(() => socket.destroy(), serverLimits.lingerMs).unref();
  socket.resume();
}

/** An IPv4 client of an IPv6 socket is an IPv4 client. */
const plainAddress = (address = ""): string => address.replace(/^::ffff:(?=\d)/i, "");
