import type { Socket } from "node:net";
import { type AuthClient, connectAuth } from "@posthouse/accounts";
import { type MailStore, openMailStore } from "@posthouse/mailbox-store";
import { MessageUrlServer } from "@posthouse/message-urls";
import {
  type AppContext,
  ConnectionCounts,
  loadTls,
  type RunningApp,
  SessionServer,
} from "@posthouse/service";
import { WireConnection } from "@posthouse/wire";
import { Previews } from "./answers/previews.ts";
import { limits } from "./limits.ts";
import { type MessageLimits, messageLimitsOf } from "./message-limit.ts";
import { ScriptEvents } from "./script-events.ts";
import { SavedFilters } from "./search/saved-filters.ts";
import type { Services } from "./services.ts";
import { ImapSession } from "./session.ts";
import { openSubmittedUrl } from "./submitted-urls.ts";

/** Parts that a test, or a process that holds several apps, gives instead of the usual ones. */
export interface Parts {
  readonly auth?: AuthClient;
  readonly store?: MailStore;
  readonly takesTokens?: boolean;
  readonly messageLimits?: MessageLimits;
}

/** How long sessions have for their last words; the rest of the 2 s is the store's. */
const CLOSE_MS_MAX = 1500;

/** Serves IMAP on the listeners of `[imap]`. */
export async function start(context: AppContext, parts: Parts = {}): Promise<RunningApp> {
  const { config, log, metrics, processes } = context;
  const savedFilters = new SavedFilters(config.imap.sharedFilters);
  const tls = loadTls(
    config,
    (error) => log.error({ err: error }, "Cannot renew the certificate"),
    processes?.ticketKeys,
  );
  const store =
    parts.store ??
    (await openMailStore({
      mailDirectory: config.paths.mail,
      messageBytesMax: config.limits.messageBytesMax,
      host: config.hostname,
      expungedDays: config.retention.expungedDays,
      writerThreadsMax: limits.writerThreadsMax,
      log: (text) => log.warn(text),
      fillsSearchText: true,
    }));
  const auth = parts.auth ?? connectAuth({ socketPath: config.auth.socketPath });
  const { takesTokens = false } = parts;
  const perAccountMax = limits.connectionsPerAccountAndAddressMax;
  const logins = processes?.counts("logins", perAccountMax) ?? new ConnectionCounts(perAccountMax);
  const services: Services = {
    ...context,
    store,
    auth,
    tls,
    logins,
    takesTokens,
    messageLimits: parts.messageLimits ?? messageLimitsOf(config.imap),
    previews: new Previews(),
    savedFilters,
    scriptEvents: new ScriptEvents(config, log),
  };
  const open = metrics.gauge("imap_connections", "Open IMAP connections");
  const server = new SessionServer({
    name: "imap",
    listeners: config.imap.listeners,
    connectionsMax: limits.connectionsMax,
    closeMsMax: CLOSE_MS_MAX,
    log,
    processes,
    onCount: (count) => open.set(count),
    open: (socket, options) =>
      new ImapSession(new WireConnection(socket, { idleMs: limits.loginMsMax }), services, options),
    refuse,
  });
  const urls = new MessageUrlServer({
    open: (request) => openSubmittedUrl(request, services),
    log,
  });
  async function close(): Promise<void> {
    await Promise.all([server.close(), urls.close()]);
    tls.close();
    if (parts.auth === undefined) await auth[Symbol.asyncDispose]();
    if (parts.store === undefined) await store[Symbol.asyncDispose]();
  }
  try {
    await server.listen();
    if (processes?.isWorker !== true) {
      server.addresses.push(await urls.listen("imap-urls", config.imap.urlSocketPath));
    }
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
  const connection = new WireConnection(socket, { idleMs: limits.loginMsMax });
  // A client that expects TLS could not read it.
  if (!isImplicitTls) connection.write("* BYE [LIMIT] Too many connections\r\n");
  connection.close();
}
