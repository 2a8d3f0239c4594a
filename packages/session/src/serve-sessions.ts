import type { Socket } from "node:net";
import { type ApopLogins, type AuthClient, connectAuth } from "@posthouse/accounts";
import { type MailStore, openMailStore } from "@posthouse/mailbox-store";
import {
  type AppContext,
  loadTls,
  type RunningApp,
  type ServedListener,
  type ServedSession,
  SessionServer,
  type TlsIdentity,
} from "@posthouse/service";
import { WireConnection } from "@posthouse/wire";

/** Parts that a test, or a process that holds several apps, gives instead of the usual ones. */
export interface ServedParts {
  readonly auth?: AuthClient & ApopLogins;
  readonly store?: MailStore;
}

interface OpenedParts extends Required<ServedParts> {
  readonly tls: TlsIdentity;
}

/** A protocol as the process serves it. */
interface Protocol<Services> {
  /** Of its listeners. */
  readonly name: "pop3" | "managesieve";
  /** For people: "POP3". */
  readonly title: string;
  readonly listeners: readonly ServedListener[];
  readonly limits: {
    readonly connectionsMax: number;
    readonly closeMsMax: number;
    readonly idleMsMax: number;
  };
  readonly parts: ServedParts;
  /** What all sessions share. */
  servicesOf(parts: OpenedParts): Services;
  open(
    connection: WireConnection,
    services: Services,
    options: { readonly isImplicitTls: boolean },
  ): ServedSession;
  /** Said to one too many, with its line end. */
  readonly refusal: string;
}

/** Serves a protocol on its listeners until it is closed. */
export async function serveSessions<Services>(
  context: AppContext,
  protocol: Protocol<Services>,
): Promise<RunningApp> {
  const { config, log, metrics } = context;
  const { name, title, limits, parts } = protocol;
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
  const services = protocol.servicesOf({ auth, store, tls });
  const open = metrics.gauge(`${name}_connections`, `Open ${title} connections`);
  const onWire = (socket: Socket) => new WireConnection(socket, { idleMs: limits.idleMsMax });
  const server = new SessionServer({
    name,
    listeners: protocol.listeners,
    connectionsMax: limits.connectionsMax,
    closeMsMax: limits.closeMsMax,
    log,
    onCount: (count) => open.set(count),
    open: (socket, options) => protocol.open(onWire(socket), services, options),
    refuse(socket, { isImplicitTls }) {
      const connection = onWire(socket);
      // A client that expects TLS could not read it.
      if (!isImplicitTls) connection.write(protocol.refusal);
      connection.close();
    },
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
