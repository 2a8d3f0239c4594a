import { readFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { rootCertificates } from "node:tls";
import { connectAuth } from "@posthouse/accounts";
import { DkimKeyStore } from "@posthouse/dkim";
import { createResolver } from "@posthouse/dns";
import { LOCAL, openQueue, openQueueWriter, type RetryPolicy } from "@posthouse/queue";
import {
  type AppContext,
  type Config,
  listen,
  type RunningApp,
  webhooksDirectoryOf,
} from "@posthouse/service";
import { LmtpPool, type SmtpTimeouts } from "@posthouse/smtp";
import { CompanionFinder } from "./companions.ts";
import { ControlSocket } from "./control-socket.ts";
import { counted, gaugeQueue } from "./counts.ts";
import { LocalCarrier } from "./deliver-local.ts";
import { RemoteCarrier, type RemoteSettings } from "./deliver-remote.ts";
import { Dispatcher } from "./dispatcher.ts";
import { DsnReporter } from "./dsn-reporter.ts";
import { HoldRules } from "./hold-rules.ts";
import { IdleSessions } from "./idle-sessions.ts";
import { watchKeys } from "./key-watch.ts";
import { limits } from "./limits.ts";
import { mailDnsOver } from "./mail-dns.ts";
import { ourselves } from "./ourselves.ts";
import { Pace } from "./pace.ts";
import { Routes } from "./routes.ts";
import { MtaSts } from "./security/mta-sts.ts";
import { TlsReportSender } from "./security/tls-report-sender.ts";
import { TlsReports } from "./security/tls-reports.ts";
import { settle } from "./settle.ts";
import { Signer } from "./signer.ts";
import { SourceAddresses } from "./source-addresses.ts";
import { SpoolScan } from "./spool-scan.ts";
import { Suppression } from "./suppression.ts";
import { webhookSender } from "./webhook-sender.ts";

/** What tests set; in service all have their defaults. */
export interface StartOptions {
  /** Wall clock of the queue. */
  readonly now?: () => number;
  readonly random?: () => number;
  readonly timeouts?: Partial<SmtpTimeouts>;
  /** Where MTA-STS policies are fetched: 443. */
  readonly httpsPort?: number;
  /** Before a web server is told again. */
  readonly webhookRetryMs?: number;
}

/** Sends what is in the queue, until it is closed. */
export async function start(
  context: AppContext,
  {
    now = Date.now,
    random = Math.random,
    timeouts = {},
    httpsPort,
    webhookRetryMs = limits.webhookRetryMs,
  }: StartOptions = {},
): Promise<RunningApp> {
  const { config, log, metrics, instance } = context;
  const name = instance === undefined ? "smtp-out" : `smtp-out-${instance}`;
  const events = counted(context.events, metrics);
  await using opened = new AsyncDisposableStack();
  const queueOptions = {
    queueDirectory: config.paths.queue,
    stateDirectory: config.smtpOut.stateDirectory,
    smtpOutSocketPath: config.smtpOut.socketPath,
    now,
  };
  const queue = opened.use(await openQueue({ ...queueOptions, holder: name }));
  opened.defer(gaugeQueue(queue, metrics));
  const writer = opened.use(await openQueueWriter(queueOptions));
  const auth = opened.use(connectAuth({ socketPath: config.auth.socketPath }));
  const sessions = opened.use(new IdleSessions());
  const resolver = createResolver({ servers: config.smtpOut.dnsServers });
  opened.defer(() => resolver.close());
  const pool = opened.use(lmtpPool(config));
  const keys = new DkimKeyStore(config.smtpOut.dkimDirectory, now);
  opened.defer(watchKeys({ keys, resolver, log }));
  const arePrivateAddressesAllowed = config.smtpOut.privateDestinations;
  const ca = authoritiesOf(config);
  const https = {
    arePrivateAddressesAllowed,
    ...(ca !== undefined && { ca }),
    ...(httpsPort !== undefined && { port: httpsPort }),
  };
  const { stateDirectory } = config.smtpOut;
  const mtaSts = new MtaSts({
    resolver,
    directory: join(stateDirectory, "mta-sts"),
    log,
    now,
    ...https,
  });
  const reports = new TlsReports(join(stateDirectory, reportsFolderOf(instance)), now);
  await reports.open();
  opened.defer(() => reports.flush());
  const reportSender = new TlsReportSender({
    reports,
    resolver,
    writer,
    keys,
    hostname: config.hostname,
    isOn: config.smtpOut.tlsReports,
    log,
    now,
    ...https,
  });
  opened.defer(reportSender.start());

  const reporter = new DsnReporter({ auth, writer, hostname: config.hostname, events, log, now });
  const routes = new Routes(config.smtpOut.routes);
  const sources = new SourceAddresses({ resolver, heloName: config.hostname, log, now });
  const remote: RemoteSettings = {
    sources,
    dns: mailDnsOver(resolver),
    isOurselves: ourselves(config),
    random,
    port: config.smtpOut.mxPort,
    heloName: config.hostname,
    sessions,
    signer: new Signer(keys, config.hostname),
    routes,
    mtaSts,
    reports,
    arePrivateAddressesAllowed,
    ...(ca !== undefined && { ca }),
    timeouts,
    now,
  };
  const suppression = new Suppression({
    queue,
    policy: {
      bouncesMax: config.smtpOut.suppressAfterBounces,
      windowMs: config.smtpOut.suppressDays * 86_400_000,
    },
    log,
    now,
  });
  const settling = { policy: retryPolicyOf(config), reporter, suppression, events, log, now };
  const pace = new Pace({
    connectionsMax: config.smtpOut.deliveriesPerDestinationMax,
    limitsOf: (destination) => routes.limitsOf(destination),
  });
  const holdRules = new HoldRules(config.smtpOut.hold);
  const dispatcher = new Dispatcher({
    queue,
    holdRuleFor: (entry) => holdRules.for(entry),
    suppression,
    pace,
    carrierFor: (destination) =>
      destination === LOCAL ? new LocalCarrier(pool) : new RemoteCarrier(remote, destination),
    settle: (parts) => settle(settling, parts),
    companions: new CompanionFinder({ queue, log }),
    deliveriesMax: config.smtpOut.deliveriesMax,
    isLocalOnly: !config.smtpOut.send,
    // Writers and the command line tell the first one only of what is new.
    lookMsMax: instance === undefined ? limits.wakeMsMax : limits.instanceLookMs,
    events,
    log,
    now,
  });

  const scan = opened.use(new SpoolScan({ queue, log, onScanned: () => dispatcher.wake() }));
  // Before the scan: an entry that becomes ready now is either scanned or poked for, or both.
  const control = new ControlSocket({
    ready: (id) => void scan.admit(id),
    flush: async (domain) => {
      try {
        const count = await queue.flush(domain);
        dispatcher.wake();
        return count;
      } catch (err) {
        log.error({ err, domain }, "Cannot flush");
        throw err;
      }
    },
    wake: () => dispatcher.wake(),
  });
  const socketPath = join(dirname(config.smtpOut.socketPath), `${name}.sock`);
  const address = await listen(name, control.server, { socketPath });
  opened.use(control);
  // Whoever had the socket before is dead, and with it our name: what he was sending need not wait for his
  // leases to end. Those of other instances are their own, and end by themselves when one dies.
  const interrupted = await queue.endLeases();
  if (interrupted > 0) log.info({ interrupted }, "Taking up what was interrupted");
  await queue.setSendingOff(!config.smtpOut.send);
  if (!config.smtpOut.send) log.info("Sending to other hosts is switched off; their mail waits");
  else {
    const own = config.smtpOut.routes.flatMap(({ sourceAddresses }) => sourceAddresses);
    opened.defer(sources.watch(own));
  }
  // One process is enough, and keeps the order.
  if (config.smtpOut.send && instance === undefined) {
    const directory = webhooksDirectoryOf(config);
    await mkdir(directory, { recursive: true, mode: 0o770 });
    const { notifyHosts } = config.sieve;
    const retryMs = webhookRetryMs;
    const webhooks = webhookSender({
      directory,
      auth,
      resolver,
      notifyHosts,
      metrics,
      log,
      retryMs,
      ...https,
    });
    opened.use(webhooks).begin();
  }
  dispatcher.start();
  // A long queue is not waited for: what the index knows is sent meanwhile.
  scan.start();
  const running = opened.move();
  return {
    addresses: [address],
    problems: () => sources.problems(),
    close: async () => {
      await dispatcher.close();
      await running.disposeAsync();
    },
  };
}

/** Each counts for itself, and tells for itself: RFC 8460 has receivers add up what comes. */
const reportsFolderOf = (instance?: string): string =>
  instance === undefined ? "tls-reports" : `tls-reports-${instance}`;

/** Those that Node brings and the file's. */
function authoritiesOf({ smtpOut: { tlsCaFile } }: Config): string | undefined {
  if (tlsCaFile === undefined) return undefined;
  return [...rootCertificates, readFileSync(tlsCaFile, "utf8")].join("\n");
}

function retryPolicyOf({ smtpOut }: Config): RetryPolicy {
  return {
    firstWaitMs: smtpOut.retryFirstSeconds * 1000,
    waitMsMax: smtpOut.retryWaitSecondsMax * 1000,
    warnAfterMs: smtpOut.warnAfterSeconds * 1000,
    giveUpAfterMs: smtpOut.giveUpAfterSeconds * 1000,
  };
}

function lmtpPool(config: Config): LmtpPool {
  return new LmtpPool({
    socketPath: config.lmtp.socketPath,
    heloName: config.hostname,
    sizeMax: limits.localDeliveriesMax,
    idleMs: limits.sessionIdleMs,
  });
}
