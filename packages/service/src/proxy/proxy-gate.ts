import type { Server, Socket } from "node:net";
import { AddressRanges } from "../address-ranges.ts";
import { isLoopback } from "../client-addresses.ts";
import type { Logger } from "../log.ts";
import { limits } from "./limits.ts";
import { looksLikeProxyHeader, type ProxiedClient, readProxyHeader } from "./proxy-header.ts";

export interface ProxyGateOptions {
  /** `proxy_from`: the proxies, each of which begins every connection with a PROXY header. */
  readonly proxies: readonly string[];
  /** What is said first is TLS, and a PROXY header of a stranger a handshake that fails. */
  readonly isImplicitTls: boolean;
  /** The listener, for the log. */
  readonly name: string;
  readonly log: Pick<Logger, "info" | "warn">;
  readonly headerMs?: number;
}

/**
 * Stands before a server, and hands it the connections of proxies once their PROXY header has been read:
 * with the client's address as `remoteAddress`, and nothing of the header left to read. So it is one
 * piece for all protocols.
 *
 * Who is asked for a header is decided by the address alone, never by what it sends. A proxy without one
 * is closed, and so is anybody else with one, since it may not name another address than its own.
 */
export class ProxyGate {
  readonly #options: ProxyGateOptions;
  readonly #proxies: AddressRanges;
  readonly #pending = new Set<Socket>();
  readonly #pass: (socket: Socket) => void;
  #isClosed = false;

  /** All who listen for the server's connections have to do so before. */
  constructor(server: Server, options: ProxyGateOptions) {
    this.#options = options;
    this.#proxies = new AddressRanges(options.proxies);
    const listeners = server.listeners("connection") as ((socket: Socket) => void)[];
    this.#pass = (socket) => {
      for (const listener of listeners) listener.call(server, socket);
    };
    server.removeAllListeners("connection");
    server.on("connection", (socket) => this.#accept(socket));
  }

  /** Ends the connections whose header has not come; there will be no more of them. */
  close(): void {
    this.#isClosed = true;
    for (const socket of this.#pending) socket.destroy();
  }

  #accept(socket: Socket): void {
    if (!this.#proxies.includes(socket.remoteAddress ?? "")) this.#acceptStranger(socket);
    else if (this.#isClosed || this.#pending.size >= limits.pendingMax) drop(socket);
    else this.#awaitHeader(socket);
  }

  #acceptStranger(socket: Socket): void {
    this.#pass(socket);
    if (this.#options.isImplicitTls) return;
    // Before those that read, and after they have begun to: a listener alone would take what came from them.
    socket.prependOnceListener("data", (octets: Buffer) => {
      if (!looksLikeProxyHeader(octets)) return;
      this.#say("info", socket, "is no proxy of proxy_from, and sent a PROXY header");
      socket.destroy();
    });
  }

  #awaitHeader(socket: Socket): void {
    this.#pending.add(socket);
    const late = setTimeout(
      () => fail("it did not come in time"),
      this.#options.headerMs ?? limits.headerMs,
    );
    let came: Buffer = Buffer.alloc(0);
    const done = () => {
      clearTimeout(late);
      this.#pending.delete(socket);
      socket.off("readable", read).off("end", left).off("close", left);
    };
    const fail = (reason: string) => {
      done();
      this.#say("warn", socket, `is in proxy_from, and sent no right PROXY header: ${reason}`);
      drop(socket);
    };
    // A check of the port alone, and nothing to tell.
    const left = () => {
      done();
      drop(socket);
    };
    const read = () => {
      for (let octets = socket.read(); octets !== null; octets = socket.read()) {
        came = Buffer.concat([came, octets as Buffer]);
        const header = readProxyHeader(came);
        if (header.kind === "wrong") return fail(header.reason);
        if (header.kind === "incomplete") continue;
        done();
        socket.off("error", ignore);
        if (came.length > header.length) socket.unshift(came.subarray(header.length));
        if (header.client !== undefined) nameClient(socket, header.client);
        return this.#pass(socket);
      }
    };
    socket.on("error", ignore).on("end", left).on("close", left).on("readable", read);
  }

  #say(level: "info" | "warn", { remoteAddress }: Socket, what: string): void {
    const { log, name } = this.#options;
    log[level]({ address: remoteAddress, listener: name }, `${remoteAddress} ${what}`);
  }
}

const ignore = (): void => {};

function drop(socket: Socket): void {
  socket.on("error", ignore);
  socket.destroy();
}

/** The loopback of another host is not ours: such a client is the proxy, and has no rights of this host. */
function nameClient(socket: Socket, { address, port }: ProxiedClient): void {
  if (isLoopback(address) && !isLoopback(socket.remoteAddress ?? "")) return;
  const own = (value: unknown) => ({ value, configurable: true, enumerable: true });
  Object.defineProperties(socket, {
    remoteAddress: own(address),
    remotePort: own(port),
    remoteFamily: own(address.includes(":") ? "IPv6" : "IPv4"),
  });
}
