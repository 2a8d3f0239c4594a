import { mkdir } from "node:fs/promises";
import { type AuthClient, type BanWatch, connectAuth, type Forwarding } from "@posthouse/accounts";
import type { Resolver } from "@posthouse/dns";
import { flushDomain, openQueueWriter, type QueueWriter } from "@posthouse/queue/writer";
import {
  AddressRanges,
  type AppContext,
  type BoundAddress,
  ClientAddressWatch,
  type Config,
  listen,
  loadTls,
  ProxyGate,
  type RunningApp,
  type TlsIdentity,
} from "@posthouse/service";
import { ConnectionCount, type SmtpHandler, type SmtpServer } from "@posthouse/smtp";
import { createSmtpServer } from "@posthouse/smtp/server";
import { connectionCounter, counted } from "./counts.ts";
import { EtrnPolicy } from "./etrn-policy.ts";
import { HandOver } from "./hand-over.ts";
import { openInspector } from "./inspection/open-inspector.ts";
import { limits } from "./limits.ts";
import { type MailHandlerOptions, mailHandler } from "./mail-handler.ts";
import { Notices } from "./notices.ts";
import { type CrashRow, Reception } from "./reception.ts";
import { RelayNetworks } from "./relay-networks.ts";
import { RelayPolicy } from "./relay-policy.ts";
import { SecondaryDomains } from "./secondary-domains.ts";
import { SourcePolicy } from "./source-policy.ts";

/** Parts that a test gives instead of the usual ones. */
export interface Parts {
  readonly auth?: AuthClient & BanWatch & Forwarding;
  readonly queue?: QueueWriter;
  readonly handOverMs?: number;
  /** auth has somebody to ask about OAuth tokens. */
  readonly takesTokens?: boolean;
  readonly resolver?: Resolver;
  /** The clock of greylisting. */
  readonly now?: () => number;
  readonly atCrashPoint?: (row: CrashRow) => Promise<void>;
}

type Listener = Config["smtpIn"]["listeners"][number];

/** Receives mail on the listeners of `[smtp_in]`. */
export async function start(context: AppContext, parts: Parts = {}): Promise<RunningApp> {
  const { config, log } = context;
  await using opened = new AsyncDisposableStack();
  await mkdir(config.paths.tmp, { recursive: true });
  const tls = loadTls(config, (err) => log.error({ err }, "Cannot renew the certificate"));
  opened.defer(() => tls.close());
  const options = await handlerOptions(context, parts, opened);
  const open = context.metrics.gauge("smtp_in_connections", "Open connections");
  const connections = new ConnectionCount(
    {
      totalMax: config.smtpIn.limits.connectionsMax,
      perClientMax: config.smtpIn.limits.connectionsPerAddressMax,
      perNetworkMax: config.smtpIn.limits.connectionsPerNetworkMax,
    },
    (change) => open.inc(change),
  );
  const count = connectionCounter(context.metrics);

  const clients = new ClientAddressWatch(log);
  const servers: SmtpServer[] = [];
  const gates: ProxyGate[] = [];
  let closeMs: number = limits.closeMs;
  opened.defer(async () => {
    const closed = Promise.all(servers.map((server) => server.close(closeMs)));
    for (const gate of gates) gate.close();
    await closed;
  });
  const addresses: BoundAddress[] = [];
  for (const listener of config.smtpIn.listeners) {
    const { kind, address, port, proxyFrom } = listener;
    const relay = new RelayNetworks(listener.relayNetworks);
    const handler = mailHandler(options, { kind: kind === "mx" ? "mx" : "submission", relay });
    const server = serverFor(listener, { context, tls, connections, handler, relay });
    servers.push(server);
    clients.watch(server.netServer);
    count(server.netServer, nameOf[kind]);
    const isImplicitTls = kind === "submissions";
    const gate = { proxies: proxyFrom, isImplicitTls, name: nameOf[kind], log };
    gates.push(new ProxyGate(server.netServer, gate));
    addresses.push(await listen(nameOf[kind], server.netServer, { address, port }));
  }
  const running = opened.move();
  return {
    addresses,
    reload: async () => void tls.reload(),
    // In reverse: sessions first, then what messages at their end still need.
    close: () => running.disposeAsync(),
    drain: {
      msMax: limits.drainMs,
      close() {
        closeMs = limits.drainMs;
        return running.disposeAsync();
      },
    },
  };
}

async function handlerOptions(
  { config, log, events: trail, metrics }: AppContext,
  parts: Parts,
  opened: AsyncDisposableStack,
): Promise<MailHandlerOptions> {
  const events = counted(trail, metrics);
  const { hostname, paths, smtpOut } = config;
  const auth = parts.auth ?? opened.use(connectAuth({ socketPath: config.auth.socketPath }));
  const queue =
    parts.queue ??
    opened.use(
      await openQueueWriter({ queueDirectory: paths.queue, smtpOutSocketPath: smtpOut.socketPath }),
    );
  const handOver = opened.use(
    new HandOver({
      socketPath: config.lmtp.socketPath,
      hostname,
      complain: (err) =>
        log.warn({ err }, "Local delivery does not answer; the queue has its mail"),
      ...(parts.handOverMs !== undefined && { timeLimitMs: parts.handOverMs }),
    }),
  );
  const postmaster = `postmaster@${hostname}`;
  const notices = new Notices({ auth, queue, hostname, postmaster, events, log });
  const { atCrashPoint } = parts;
  const reception = new Reception({
    hostname,
    queue,
    handOver,
    notices,
    forwarding: auth,
    inspector: await openInspector({ config, log, events, metrics }, opened, parts),
    events,
    log,
    areSubmittersHidden: config.smtpIn.hideSubmitters,
    ...(atCrashPoint !== undefined && { atCrashPoint }),
  });
  const sources = new SourcePolicy({
    limits: config.smtpIn.limits,
    unlimitedFrom: config.smtpIn.unlimitedFrom,
    bans: auth,
    events,
    log,
  });
  const { etrnFrom } = config.smtpIn;
  const flush = (domain: string) => flushDomain(smtpOut.socketPath, domain);
  const secondary = new SecondaryDomains(config.smtpIn.secondaryFor);
  const policy = new RelayPolicy(auth, config.auth.postmaster, secondary);
  return {
    sasl: {
      hasScramSha1: config.auth.scramSha1,
      ...(parts.takesTokens !== undefined && { takesTokens: parts.takesTokens }),
    },
    auth,
    policy,
    sources,
    reception,
    mayRefuse: (address) => handOver.mayRefuse(address),
    ...(etrnFrom.length > 0 && { etrn: new EtrnPolicy({ rules: etrnFrom, flush, log }) }),
    isFromChecked: config.smtpIn.checkFrom,
    mayVerify: config.smtpIn.vrfy === "authenticated",
    mayExpand: config.smtpIn.expn === "authenticated",
    submittedUrls: { hostname, socketPath: config.imap.urlSocketPath, log },
    tmpDirectory: paths.tmp,
    log,
  };
}

function serverFor(
  { kind, clientCertificates, xclientFrom }: Listener,
  parts: {
    readonly context: AppContext;
    readonly tls: TlsIdentity;
    readonly connections: ConnectionCount;
    readonly handler: SmtpHandler;
    readonly relay: RelayNetworks;
  },
): SmtpServer {
  const { config, log } = parts.context;
  const isMx = kind === "mx";
  const filters = new AddressRanges(xclientFrom);
  return createSmtpServer({
    flavour: "smtp",
    hostname: config.hostname,
    handler: parts.handler,
    messageBytesMax: config.limits.messageBytesMax,
    // Other hosts have to keep the rule; our users' programs are helped to.
    lineEnds: isMx ? "refuse" : "repair",
    recipientsMax: isMx ? limits.mxRecipientsMax : limits.submissionRecipientsMax,
    tls: {
      mode: kind === "submissions" ? "implicit" : "starttls",
      identity: parts.tls,
      wantsClientCertificate: clientCertificates,
    },
    isDsnOffered: true,
    isBinaryMimeOffered: true,
    extensions: {
      requireTls: true,
      deliverBy: true,
      priority: true,
      limits: true,
      noSoliciting: config.smtpIn.noSoliciting,
      // RFC 4865 is for submission alone.
      ...(!isMx && { futureReleaseSecondsMax: limits.heldSecondsMax }),
    },
    mayNameClients: (address) => filters.includes(address),
    isAuthRequired: (peer) => !isMx && parts.relay.ruleFor(peer) === undefined,
    isPlaintextAuthAllowedFromLoopback: config.auth.allowPlaintextFrom === "loopback",
    connections: parts.connections,
    ...(isMx && { greetingDelayMs: config.smtpIn.earlyTalkerDelayMs }),
    onError: (err) => log.error({ err }, "A session failed in a way that nobody foresaw"),
  });
}

const nameOf: Readonly<Record<Listener["kind"], string>> = {
  mx: "smtp",
  submission: "submission",
  submissions: "submissions",
};
