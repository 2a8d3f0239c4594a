import { createServer, type Server, type Socket } from "node:net";
import { ClientAddressWatch } from "./client-addresses.ts";
import { type BoundAddress, listen } from "./listen.ts";
import type { Logger } from "./log.ts";
import { ProxyGate } from "./proxy/proxy-gate.ts";
import type { AppProcesses } from "./workers/app-processes.ts";

/** One client's session, as the process sees it. */
export interface ServedSession {
  /** Resolves when the session is over; never rejects. */
  run(): Promise<void>;
  /** Asks it to say good-bye and end. */
  close(): void;
  /** Ends it at once. */
  destroy(): void;
}

/** Where a protocol is served; an app's listeners may say more about themselves. */
export interface ServedListener {
  readonly tls: "starttls" | "implicit";
  readonly address: string;
  readonly port: number;
  /** Proxies that send the PROXY protocol. */
  readonly proxyFrom: readonly string[];
}

export interface SessionOptions<Listener extends ServedListener> {
  readonly isImplicitTls: boolean;
  /** The one that the client came through. */
  readonly listener: Listener;
}

export interface SessionServerOptions<Listener extends ServedListener = ServedListener> {
  readonly listeners: readonly Listener[];
  /** What the listeners are called: `imap` for STARTTLS, `imaps` for implicit TLS. */
  readonly name: string;
  readonly connectionsMax: number;
  /** How long sessions have for their last words. */
  readonly closeMsMax: number;
  readonly log: Logger;
  /** Who shares the connections with us. */
  readonly processes?: AppProcesses | undefined;
  /** Told how many sessions there are, whenever it changes. */
  readonly onCount: (count: number) => void;
  readonly open: (socket: Socket, options: SessionOptions<Listener>) => ServedSession;
  /** There are `connectionsMax` already. Ends the connection, with a word where the client can read it. */
  readonly refuse: (socket: Socket, options: { readonly isImplicitTls: boolean }) => void;
}

/** The listeners of a protocol whose sessions are served one by one, and all sessions of the process. */
export class SessionServer<Listener extends ServedListener = ServedListener> {
  readonly #options: SessionServerOptions<Listener>;
  readonly #running = new Map<ServedSession, Promise<void>>();
  readonly #servers: Server[] = [];
  readonly #gates: ProxyGate[] = [];
  readonly addresses: BoundAddress[] = [];

  constructor(options: SessionServerOptions<Listener>) {
    this.#options = options;
  }

  /** Binds all listeners. @throws ListenError; then close() is still to be called */
  async listen(): Promise<void> {
    const { log, processes } = this.#options;
    const clients = new ClientAddressWatch(log);
    for (const listener of this.#options.listeners) {
      const { tls, address, port, proxyFrom } = listener;
      const isImplicitTls = tls === "implicit";
      // A client that has sent its last command may close its half and still listen for the answers.
      const server = createServer(
        { allowHalfOpen: true, pauseOnConnect: processes !== undefined },
        (socket) => this.#accept(socket, { isImplicitTls, listener }),
      );
      this.#servers.push(server);
      clients.watch(server);
      const name = isImplicitTls ? `${this.#options.name}s` : this.#options.name;
      this.#gates.push(new ProxyGate(server, { proxies: proxyFrom, isImplicitTls, name, log }));
      const bind = () => listen(name, server, { address, port });
      const bound = await (processes === undefined ? bind() : processes.serve(server, bind));
      if (bound !== undefined) this.addresses.push(bound);
    }
  }

  /** Takes nobody new and tells all that are there; those that do not end by themselves are cut off. */
  async close(): Promise<void> {
    const closed = Promise.all(this.#servers.map(closeServer));
    for (const gate of this.#gates) gate.close();
    for (const session of this.#running.keys()) session.close();
    const cutOff = setTimeout(() => {
      for (const session of this.#running.keys()) session.destroy();
    }, this.#options.closeMsMax);
    await Promise.all(this.#running.values());
    clearTimeout(cutOff);
    await closed;
  }

  #accept(socket: Socket, options: SessionOptions<Listener>): void {
    const { connectionsMax, open, refuse, onCount } = this.#options;
    if (this.#running.size >= connectionsMax) {
      refuse(socket, options);
      return;
    }
    const session = open(socket, options);
    const ended = session.run().finally(() => {
      this.#running.delete(session);
      onCount(this.#running.size);
    });
    this.#running.set(session, ended);
    onCount(this.#running.size);
  }
}

const closeServer = (server: Server): Promise<void> =>
  new Promise((resolve) => {
    if (!server.listening) resolve();
    else server.close(() => resolve());
  });
