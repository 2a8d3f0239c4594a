import { mkdir } from "node:fs/promises";
import { createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import type {
  ApopRequest,
  AuthenticateRequest,
  CertifiedLoginRequest,
  LoginProtocol,
  ScramChallengeRequest,
  ScramProofRequest,
  TokenLoginRequest,
} from "@posthouse/accounts";
import {
  bcryptHasher,
  Directory,
  HashQueue,
  lockInstance,
  type PasswordHasher,
  Secrets,
  SenderRewriting,
} from "@posthouse/accounts/directory";
import { type CallArguments, type CallMethods, CallServer } from "@posthouse/accounts/socket";
import {
  AddressRanges,
  type AppContext,
  type BoundAddress,
  listen,
  type RunningApp,
} from "@posthouse/service";
import { adminMethods } from "./admin-methods.ts";
import { Administration } from "./administration.ts";
import { ApopDesk } from "./apop-desk.ts";
import { authMethods } from "./auth-methods.ts";
import { Bans } from "./bans.ts";
import { Failures } from "./failures.ts";
import { KnownNetworks } from "./known-networks.ts";
import { limits } from "./limits.ts";
import { LoginChanges } from "./login-changes.ts";
import { LoginDesk } from "./login-desk.ts";
import { LoginHistory } from "./login-history.ts";
import type { DeskResult } from "./login-result.ts";
import { OpenLogins } from "./open-logins.ts";
import { ScramDesk } from "./scram-desk.ts";
import { type TokenValidator, TrustedLogins } from "./trusted-logins.ts";

/** What a test may put in the place of time and hashing. */
export interface AuthSeams {
  readonly now?: () => number;
  readonly hasher?: PasswordHasher;
  /** Whom to ask about tokens; none yet where nobody is given. */
  readonly tokens?: TokenValidator;
}

/**
 * Opens the directory and the secrets, and answers on two sockets: one for the servers, one for the
 * administrator.
 */
export async function start(context: AppContext, seams: AuthSeams = {}): Promise<RunningApp> {
  await using opened = new AsyncDisposableStack();
  const { config } = context;
  const now = seams.now ?? Date.now;
  await mkdir(config.auth.stateDirectory, { recursive: true, mode: 0o700 });
  opened.use(lockInstance(join(config.auth.stateDirectory, "auth.lock")));
  const secrets = new Secrets({ path: join(config.auth.stateDirectory, "secrets.sqlite"), now });
  opened.defer(() => secrets.close());
  const directory = openDirectory(context, now, secrets);
  opened.defer(() => directory.close());

  const hasher = countingHasher(context, seams.hasher ?? bcryptHasher(config.auth.bcryptCost));
  const neverBanned = new AddressRanges(config.auth.neverBan);
  const known = new KnownNetworks(secrets, now);
  const failures = new Failures(now, {
    isNeverBanned: (network) => neverBanned.includes(network.replace(/\/64$/, "")),
    isKnown: (accountId, network) => known.has(accountId, network),
  });
  const reports = reportsOf(context);
  const bans = new Bans({ secrets, failures, neverBanned, now, report: reports.banMade });
  const queue = new HashQueue();
  const history = new LoginHistory(secrets, (err) => context.log.error({ err }, "Login history"));
  opened.defer(() => history.flush());
  const parts = { directory, secrets, hasher, queue, failures, history, now };
  const desk = await LoginDesk.open({ ...parts, ...reports });
  const scram = new ScramDesk({ ...parts, ...reports });
  const apop = new ApopDesk({ ...parts, ...reports });
  const trusted = new TrustedLogins({ ...parts, tokens: seams.tokens });
  opened.defer(() => desk.settle());
  const changes = new LoginChanges();
  const administration = new Administration({ ...parts, desk, changes });
  const openLogins = new OpenLogins(parts);
  const swept = administration.sweep();
  if (swept > 0) context.log.warn(`Removed secrets of ${swept} accounts that are not there`);

  const record = recording(context, { history, known, bans, now, openLogins });
  const logins = {
    authenticate: record((request: AuthenticateRequest) => desk.authenticate(request)),
    scramChallenge: (request: ScramChallengeRequest) =>
      bannedByHand(bans, request.remoteAddress) ?? scram.challenge(request),
    authenticateScram: record((request: ScramProofRequest) => scram.authenticate(request)),
    authenticateApop: record((request: ApopRequest) => apop.authenticate(request)),
    authenticateCertified: record((request: CertifiedLoginRequest) =>
      trusted.byCertificate(request),
    ),
    authenticateToken: record((request: TokenLoginRequest) => trusted.byToken(request)),
  };
  const servers: ServedSocket[] = [];
  opened.defer(async () => void (await Promise.all(servers.map((server) => server.close()))));
  const forServers = await serve(
    context,
    "auth",
    authMethods({ directory, secrets, logins, bans, open: openLogins }),
  );
  servers.push(forServers);
  const ofAdministrator = telling(adminMethods({ ...parts, administration, bans }), {
    directory,
    changes,
    tell: (event, accounts) => forServers.tell(event, accounts),
  });
  servers.push(await serve(context, "auth-admin", ofAdministrator));
  const running = opened.move();
  return {
    addresses: servers.map((server) => server.address),
    // In reverse: sockets first, then what answers still need, then the databases.
    close: () => running.disposeAsync(),
  };
}

function openDirectory({ config }: AppContext, now: () => number, secrets: Secrets): Directory {
  const { subaddressSeparator, postmaster, rewriteForwardedSenders } = config.auth;
  const rewriting = new SenderRewriting(secrets.rewritingKey(), now);
  return new Directory({
    path: join(config.auth.stateDirectory, "directory.sqlite"),
    hostname: config.hostname,
    subaddressSeparator,
    ...(postmaster !== undefined && { postmaster }),
    ...(rewriteForwardedSenders && { rewriting }),
    now,
  });
}

function countingHasher({ metrics }: AppContext, hasher: PasswordHasher): PasswordHasher {
  const hashes = metrics.counter("auth_hashes_total", "Passwords hashed or compared with a hash");
  return {
    isCurrent: (hash) => hasher.isCurrent(hash),
    hash: (password) => {
      hashes.inc();
      return hasher.hash(password);
    },
    matches: (password, hash) => {
      hashes.inc();
      return hasher.matches(password, hash);
    },
  };
}

function reportsOf({ log, metrics, events }: AppContext) {
  const banMade = (ban: { network: string; reason: string; seconds: number }) => {
    events.record({ type: "banned", ...ban });
    log.warn(ban, `Banned ${ban.network} for ${ban.seconds} s: ${ban.reason}`);
  };
  const spared = metrics.counter("auth_hashes_spared_total", "Logins without a hash of their own", [
    "by",
  ]);
  return {
    banMade,
    complain: (err: unknown) => log.warn({ err }, "A password could not be hashed anew"),
    counted: (by: "cached" | "joined") => spared.inc({ by }),
    banned: (network: string, username: string) => {
      events.record({ type: "banned", network, username, reason: "wrong passwords" });
      log.warn({ network, username }, `Banned ${network} after too many wrong passwords`);
    },
    notForMail: ({ username, protocol, remoteAddress }: AuthenticateRequest) =>
      log.info(
        { username, protocol, remoteAddress },
        `The password of ${username} is not for mail programs: only its app passwords are`,
      ),
  };
}

type Login = {
  readonly username: string;
  readonly protocol: LoginProtocol;
  readonly remoteAddress: string;
};
/** Leaves a trace of every login: metric, event, history. Never of what proved it. */
function recording(
  { events, metrics }: AppContext,
  parts: {
    readonly history: LoginHistory;
    readonly known: KnownNetworks;
    readonly bans: Bans;
    readonly now: () => number;
    readonly openLogins: OpenLogins;
  },
) {
  const { history, known, bans, now, openLogins } = parts;
  const logins = metrics.counter("auth_logins_total", "Logins", ["protocol", "outcome"]);
  return <Request extends Login>(
    authenticate: (request: Request) => DeskResult | Promise<DeskResult>,
  ) =>
    async (request: Request) => {
      const { username, protocol, remoteAddress } = request;
      const result = bannedByHand(bans, remoteAddress) ?? (await authenticate(request));
      logins.inc({ protocol, outcome: result.kind });
      if (result.kind !== "ok") {
        const reason = result.kind === "banned" ? "banned" : "wrong";
        events.record({ type: "login-refused", reason, username, protocol, remoteAddress });
        return result;
      }
      const { id, address } = result.account;
      known.seen(id, remoteAddress);
      const used = result.appPassword;
      const named = used && { appPassword: used.name };
      history.record({ accountId: id, protocol, remoteAddress, atMs: now() }, used);
      events.record({ type: "login", account: address, protocol, remoteAddress, ...named });
      const { proof, ...told } = result;
      const login = openLogins.nameOf(result.account, proof);
      return { ...told, appPassword: used?.name, login };
    };
}

function bannedByHand(bans: Bans, remoteAddress: string) {
  const retryAfterSeconds = bans.secondsByHand(remoteAddress);
  return retryAfterSeconds > 0 ? ({ kind: "banned", retryAfterSeconds } as const) : undefined;
}

/** The servers remember what they were answered, and whom they let in: they know of a change before it is answered. */
function telling(
  methods: CallMethods,
  {
    directory,
    changes,
    tell,
  }: {
    readonly directory: Directory;
    readonly changes: LoginChanges;
    readonly tell: ServedSocket["tell"];
  },
): CallMethods {
  return new Map(
    [...methods].map(([name, method]) => [
      name,
      async (args: CallArguments) => {
        const before = directory.changeCount();
        try {
          return await method(args);
        } finally {
          if (directory.changeCount() !== before) await tell("directory-changed");
          await changes.tellAll((accounts) => tell("logins-changed", accounts));
        }
      },
    ]),
  );
}

interface ServedSocket {
  readonly address: BoundAddress;
  /** To everyone who is connected; resolves when all have acted on it, or are too slow to be waited for. */
  tell(event: string, accounts?: readonly string[]): Promise<void>;
  close(): Promise<void>;
}

async function serve(
  { config, log }: AppContext,
  name: "auth" | "auth-admin",
  methods: CallMethods,
): Promise<ServedSocket> {
  const connections = new Map<Socket, CallServer>();
  const server = createServer((socket) => {
    const report = (err: unknown, method: string) => log.error({ err, method }, "A call failed");
    connections.set(socket, new CallServer(socket, methods, report));
    socket.on("close", () => connections.delete(socket));
  });
  server.maxConnections = limits.connectionsMax;
  const address =
    name === "auth"
      ? await listen(name, server, { socketPath: config.auth.socketPath, mode: 0o660 })
      : await listenPrivately(name, server, config.auth.adminSocketPath);
  return {
    address,
    async tell(event, accounts) {
      const told = [...connections.values()].map((connection) => connection.tell(event, accounts));
      await orLate(Promise.all(told), limits.tellMsMax);
    },
    close: () => closePolitely(server, connections),
  };
}

/** The mask closes the moment between bind(2) and chmod(2), in which the socket would be the group's. */
async function listenPrivately(name: string, server: Server, socketPath: string) {
  const umask = process.umask(0o177);
  try {
    return await listen(name, server, { socketPath, mode: 0o600 });
  } finally {
    process.umask(umask);
  }
}

async function closePolitely(
  server: Server,
  connections: ReadonlyMap<Socket, CallServer>,
): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  for (const connection of connections.values()) connection.end();
  await orLate(closed, limits.closeMsMax);
  for (const socket of connections.keys()) socket.destroy();
  await closed;
}

async function orLate(done: Promise<unknown>, msMax: number): Promise<void> {
  const timeUp = new AbortController();
  const late = wait(msMax, undefined, { signal: timeUp.signal }).catch(() => undefined);
  await Promise.race([done, late]);
  timeUp.abort();
}
