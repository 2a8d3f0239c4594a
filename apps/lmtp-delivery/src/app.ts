import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { type AuthClient, connectAuth, type Forwarding } from "@posthouse/accounts";
import { type MailStore, openMailStore, openScriptStore } from "@posthouse/mailbox-store";
import { openQueueWriter } from "@posthouse/queue/writer";
import {
  type AppContext,
  type BoundAddress,
  listen,
  type RunningApp,
  webhooksDirectoryOf,
} from "@posthouse/service";
import { imapEventExtensions } from "@posthouse/sieve/check";
import { ConnectionCount, type SmtpServer } from "@posthouse/smtp";
import { createSmtpServer } from "@posthouse/smtp/server";
import { WebhookWriter } from "@posthouse/webhooks";
import { Biff } from "./biff.ts";
import { counted } from "./counts.ts";
import { deliveryHandler } from "./delivery-handler.ts";
import type { CrashRow } from "./filter/act.ts";
import { GlobalScripts } from "./filter/global-scripts.ts";
import { OutgoingMail } from "./filter/outgoing-mail.ts";
import { Programs } from "./filter/programs.ts";
import { limits } from "./limits.ts";
import { QuotaWatch } from "./quota.ts";
import { RejectsExpiry } from "./rejects-expiry.ts";
import { SendingPace } from "./stored/sending-pace.ts";
import { storedScripts } from "./stored/stored-scripts.ts";
import { WebNotes } from "./web-notes.ts";

/** Parts that a test, or a process that holds several apps, gives instead of the usual ones. */
export interface Parts {
  readonly auth?: AuthClient & Forwarding;
  readonly store?: MailStore;
  readonly atCrashPoint?: (row: CrashRow) => Promise<void>;
}

/** Delivers mail that comes over the LMTP socket and the listeners of `[lmtp]`. */
export async function start(context: AppContext, parts: Parts = {}): Promise<RunningApp> {
  const { config, log, metrics } = context;
  const events = counted(context.events, metrics);
  const sessions = metrics.gauge("lmtp_delivery_connections", "Open connections");
  const { paths, hostname, lmtp } = config;
  await using opened = new AsyncDisposableStack();
  await mkdir(paths.tmp, { recursive: true });
  const messageBytesMax = config.limits.messageBytesMax + limits.addedBytesMax;
  const store = parts.store ?? opened.use(await openStore(context, messageBytesMax));
  const auth = parts.auth ?? opened.use(connectAuth({ socketPath: config.auth.socketPath }));
  const { atCrashPoint } = parts;
  const tmpDirectory = paths.tmp;
  const programs = new Programs();
  const outgoing = new OutgoingMail(auth, hostname, () =>
    openQueueWriter({
      queueDirectory: paths.queue,
      smtpOutSocketPath: config.smtpOut.socketPath,
    }),
  );
  opened.defer(() => outgoing.close());
  const rejectsExpiry = opened.use(
    await RejectsExpiry.open({
      path: join(lmtp.stateDirectory, "rejects"),
      store,
      auth,
      keepMs: config.inspection.rejectsKeepDays * 24 * 3600 * 1000,
      log,
    }),
  );
  const scripts = openScriptStore({ mailDirectory: paths.mail });
  const globals = new GlobalScripts(config.sieve, programs, log);
  const webhooksDirectory = webhooksDirectoryOf(config);
  const filtering = {
    scripts,
    globals,
    outgoing,
    biff: opened.use(new Biff(config.comsat)),
    webNotes: new WebNotes(new WebhookWriter(webhooksDirectory), log),
    notifyHosts: config.sieve.notifyHosts,
    detailSeparator: config.auth.subaddressSeparator,
    listsDirectory: config.sieve.listsDirectory,
    filterKinds: new Map(config.inspection.filters.map(({ name, kind }) => [name, kind])),
  };
  await make(webhooksDirectory, log);
  await make(config.sieve.imapEventsDirectory, log);
  const scriptsOfMailboxes = opened.use(
    storedScripts({
      ...filtering,
      store,
      auth,
      events,
      log,
      hostname,
      programs: new Programs(imapEventExtensions),
      pace: new SendingPace(),
      directory: config.sieve.imapEventsDirectory,
    }),
  );
  const handlerOptions = {
    store,
    auth,
    events,
    log,
    hostname,
    tmpDirectory,
    atCrashPoint,
    rejectsExpiry,
    quotaWatch: new QuotaWatch({ store, hostname }),
    hasSubaddressFolders: lmtp.subaddressFolders,
    duplicateMessageIdSeconds: lmtp.duplicateMessageIdSeconds,
    filters: { ...filtering, programs },
  };

  const serverFor = (isOurs: boolean): SmtpServer =>
    createSmtpServer({
      flavour: "lmtp",
      hostname,
      handler: deliveryHandler(handlerOptions, { isOurs }),
      messageBytesMax,
      lineEnds: "refuse",
      recipientsMax: limits.recipientsMax,
      // Each listener has its own, or a foreign MTA could keep our own programs out.
      connections: new ConnectionCount(
        {
          totalMax: limits.sessionsMax,
          perClientMax: limits.sessionsMax,
          perNetworkMax: limits.sessionsMax,
        },
        (change) => sessions.inc(change),
      ),
      isBinaryMimeOffered: true,
      onError: (err) => log.error({ err }, "A session failed in a way that nobody foresaw"),
      ...(isOurs && { privateExtension: handOverExtension }),
    });
  const servers: SmtpServer[] = [];
  opened.defer(async () => {
    await Promise.all(servers.map((server) => server.close(limits.closeMs)));
  });
  const open = async (isOurs: boolean, at: Parameters<typeof listen>[2]): Promise<BoundAddress> => {
    const server = serverFor(isOurs);
    servers.push(server);
    return await listen("lmtp", server.netServer, at);
  };
  const addresses = [await open(true, { socketPath: lmtp.socketPath })];
  for (const { address, port } of lmtp.listeners) {
    addresses.push(await open(false, { address, port }));
  }
  rejectsExpiry.begin();
  scriptsOfMailboxes.begin();
  const running = opened.move();
  // In reverse: deliveries under way end first, then the store closes.
  return { addresses, close: () => running.disposeAsync() };
}

/** Mail is delivered without it, and what cannot be written down there is told when it comes to that. */
async function make(directory: string, log: AppContext["log"]): Promise<void> {
  try {
    await mkdir(directory, { recursive: true, mode: 0o770 });
  } catch (err) {
    log.warn(
      { err, directory },
      "Cannot make a directory: webhooks, or scripts of mailboxes, do not work",
    );
  }
}

function openStore({ config, log }: AppContext, receivedBytesMax: number): Promise<MailStore> {
  return openMailStore({
    mailDirectory: config.paths.mail,
    messageBytesMax: receivedBytesMax + limits.addedBytesMax,
    host: config.hostname,
    expungedDays: config.retention.expungedDays,
    writerThreadsMax: limits.writerThreadsMax,
    log: (text) => log.warn(text),
  });
}

/** Only who may open the socket may say who a message is from and what is known of it. */
const handOverExtension = {
  keyword: "XENVELOPE",
  mailParameters: new Set(["XENVELOPE"]),
  rcptParameters: new Set(["XORIGINAL"]),
};
