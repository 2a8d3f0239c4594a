import type { Socket } from "node:net";
import { type AuthClient, connectAuth } from "@posthouse/accounts";
import {
  type MailStore,
  openMailStore,
  openScriptStore,
  type ScriptStore,
} from "@posthouse/mailbox-store";
import { type AppContext, loadTls, type RunningApp, SessionServer } from "@posthouse/service";
import { WireConnection } from "@posthouse/wire";
import { AccountSessions } from "./account-sessions.ts";
import { limits } from "./limits.ts";
import { formatResponse } from "./response.ts";
import type { Services } from "./services.ts";
import { ManageSieveSession } from "./session.ts";

/** Parts that a test, or a process that holds several apps, gives instead of the usual ones. */
export interface Parts {
  readonly auth?: AuthClient;
  readonly store?: MailStore;
  readonly scripts?: ScriptStore;
}

/** Serves ManageSieve on the listeners of `[managesieve]`. */
export async function start(context: AppContext, parts: Parts = {}): Promise<RunningApp> {
  const { config, log, metrics } = context;
  const tls = loadTls(config, (error) => log.error({ err: error }, "Cannot renew the certificate"));
  const store =
    parts.store ??
    (await openMailStore({
      mailDirectory: config.paths.mail,
      messageBytesMax: config.limits.messageBytesMax,
      host: config.hostname,
      log: (text) => log.warn(text),
    }));
  const scripts = parts.scripts ?? openScriptStore({ mailDirectory: config.paths.mail });
  const auth = parts.auth ?? connectAuth({ socketPath: config.auth.socketPath });
  const sessions = new AccountSessions();
  const services: Services = { ...context, scripts, store, auth, tls, sessions };
  const open = metrics.gauge("managesieve_connections", "Open ManageSieve connections");
  const server = new SessionServer({
    name: "managesieve",
    listeners: config.managesieve.listeners,
    connectionsMax: limits.connectionsMax,
    closeMsMax: limits.closeMsMax,
    log,
    onCount: (count) => open.set(count),
    open: (socket, options) =>
      new ManageSieveSession(
        new WireConnection(socket, { idleMs: limits.idleMsMax }),
        services,
        options,
      ),
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

function refuse(socket: Socket, { isImplicitTls }: { readonly isImplicitTls: boolean }): void {
  const connection = new WireConnection(socket, { idleMs: limits.idleMsMax });
  const text = "Too many connections, try again later";
  // A client that expects TLS could not read it.
  if (!isImplicitTls) connection.write(formatResponse("BYE", { code: "TRYLATER", text }));
  connection.close();
}
