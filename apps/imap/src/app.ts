import { createServer, type Server, type Socket } from "node:net";
import { type AuthClient, connectAuth } from "@posthouse/accounts";
import { type MailStore, openMailStore } from "@posthouse/mailbox-store";
import {
  type AppContext,
  type BoundAddress,
  ClientAddressWatch,
  listen,
  loadTls,
  type RunningApp,
} from "@posthouse/service";
import { WireConnection } from "@posthouse/wire";
import { ConnectionCounts } from "./connection-counts.ts";
import { limits } from "./limits.ts";
import type { Services } from "./services.ts";
import { ImapSession } from "./session.ts";

/** Parts that a test, or a process that holds several apps, gives instead of the usual ones. */
export interface Parts {
  readonly auth?: AuthClient;
  readonly store?: MailStore;
}

/** How long sessions have for their last words; the rest of the 2 s is the store's. */
const CLOSE_MS_MAX = 1500;

/** Serves IMAP on the listeners of `[imap]`. */
export async function start(context: AppContext, parts: Parts = {}): Promise<RunningApp> {
  const { config, log, metrics } = context;
  const tls = loadTls(config, (error) => log.error({ err: error }, "Cannot renew the certificate"));
  const store =
    parts.store ??
    (await openMailStore({
      mailDirectory: config.paths.mail,
      messageBytesMax: config.limits.messageBytesMax,
      host: config.hostname,
    }));
  const auth = parts.auth ?? connectAuth({ socketPath: config.auth.socketPath });
  const logins = new ConnectionCounts(limits.connectionsPerAccountAndAddressMax);
  const services: Services = { ...context, store, auth, tls, logins };
  const open = metrics.gauge("imap_connections", "Open IMAP connections");
  const sessions = new Sessions(services, (count) => open.set(count));

  const clients = new ClientAddressWatch(log);
  const servers: Server[] = [];
  const addresses: BoundAddress[] = [];
  async function close(): Promise<void> {
    const closed = Promise.all(servers.map(closeServer));
    await sessions.close();
    await closed;
    tls.close();
    if (parts.auth === undefined) await auth[Symbol.asyncDispose]();
    if (parts.store === undefined) await store[Symbol.asyncDispose]();
  }
  try {
    for (const { tls: kind, address, port } of config.imap.listeners) {
      const isImplicitTls = kind === "implicit";
      // A client that has sent its last command may close its half and still listen for the answers.
      const server = createServer({ allowHalfOpen: true }, (socket) =>
        sessions.accept(socket, { isImplicitTls }),
      );
      servers.push(server);
      clients.watch(server);
      addresses.push(await listen(isImplicitTls ? "imaps" : "imap", server, { address, port }));
    }
  } catch (error) {
    await close();
    throw error;
  }
  return {
    addresses,
    close,
    reload: async () => {
      tls.reload();
    },
  };
}

/** All connections of the process. */
class Sessions {
  readonly #services: Services;
  readonly #onCount: (count: number) => void;
  readonly #running = new Map<ImapSession, Promise<void>>();

  constructor(services: Services, onCount: (count: number) => void) {
    this.#services = services;
    this.#onCount = onCount;
  }

  accept(socket: Socket, options: { readonly isImplicitTls: boolean }): void {
    const connection = new WireConnection(socket, { idleMs: limits.loginMsMax });
    if (this.#running.size >= limits.connectionsMax) {
      if (!options.isImplicitTls) connection.write("* BYE [LIMIT] Too many connections\r\n");
      connection.close();
      return;
    }
    const session = new ImapSession(connection, this.#services, options);
    const ended = session.run().finally(() => {
      this.#running.delete(session);
      this.#onCount(this.#running.size);
    });
    this.#running.set(session, ended);
    this.#onCount(this.#running.size);
  }

  /** Says BYE to all; those that do not end by themselves are cut off. */
  async close(): Promise<void> {
    for (const session of this.#running.keys()) session.close();
    const cutOff = setTimeout(() => {
      for (const session of this.#running.keys()) session.connection.destroy();
    }, CLOSE_MS_MAX);
    await Promise.all(this.#running.values());
    clearTimeout(cutOff);
  }
}

const closeServer = (server: Server): Promise<void> =>
  new Promise((resolve) => {
    if (!server.listening) resolve();
    else server.close(() => resolve());
  });
