import type { Socket } from "node:net";
import { type AuthClient, connectAuth } from "@posthouse/accounts";
import { type MailStore, openMailStore } from "@posthouse/mailbox-store";
import { type AppContext, loadTls, type RunningApp, SessionServer } from "@posthouse/service";
import { WireConnection } from "@posthouse/wire";
import { limits } from "./limits.ts";
import { errorLine, refused } from "./reply.ts";
import type { Services } from "./services.ts";
import { Pop3Session } from "./session.ts";

/** Parts that a test, or a process that holds several apps, gives instead of the usual ones. */
export interface Parts {
  readonly auth?: AuthClient;
  readonly store?: MailStore;
}

/** Serves POP3 on the listeners of `[pop3]`. */
export async function start(context: AppContext, parts: Parts = {}): Promise<RunningApp> {
  const { config, log, metrics } = context;
  const tls = loadTls(config, (error) => log.error({ err: error }, "Cannot renew the certificate"));
  const store =
    parts.store ??
    (await openMailStore({
      mailDirectory: config.paths.mail,
      messageBytesMax: config.limits.messageBytesMax,
      host: config.hostname,
      expungedDays: config.retention.expungedDays,
      log: (text) => log.warn(text),
    }));
  const auth = parts.auth ?? connectAuth({ socketPath: config.auth.socketPath });
  const services: Services = { ...context, store, auth, tls };
  const open = metrics.gauge("pop3_connections", "Open POP3 connections");
  const server = new SessionServer({
    name: "pop3",
    listeners: config.pop3.listeners,
    connectionsMax: limits.connectionsMax,
    closeMsMax: limits.closeMsMax,
    log,
    onCount: (count) => open.set(count),
    open: (socket, options) =>
      new Pop3Session(new WireConnection(socket, { idleMs: limits.idleMsMax }), services, options),
    refuse,
  });
  async function close(): Promise<void> {
    await server.close();
    tls.close();
    if (parts.auth === undefined) await auth[Symbol.asyncDispose]();
    if (parts.store === undefined) await store[Symbol.asyncDispose]();
  }
  try {
    await server.listen();
  } catch (error) {
    await close();
    throw error;
  }
  return {
    addresses: server.addresses,
    close,
    reload: async () => {
      tls.reload();
    },
  };
}

const tooManyConnections = refused("Too many connections, try again later", "SYS/TEMP");

function refuse(socket: Socket, { isImplicitTls }: { readonly isImplicitTls: boolean }): void {
  const connection = new WireConnection(socket, { idleMs: limits.idleMsMax });
  // A client that expects TLS could not read it.
  if (!isImplicitTls) connection.write(errorLine(tooManyConnections));
  connection.close();
}
