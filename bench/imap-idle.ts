import { existsSync } from "node:fs";
import { mkdir, rm } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { collectingEnv, memoryCollected } from "../e2e/app-memory.ts";
import { idsOf } from "../e2e/postfix.ts";
import { type Suite, startSuite } from "../e2e/suite.ts";
import { connectAdmin } from "../packages/accounts/src/index.ts";
import { startDovecot } from "./dovecot.ts";
import { IdleClient, type IdleMode, inParallel, sourceAddress } from "./idle-client.ts";
import { idleUser, makeMailboxes, makeMaildirs } from "./idle-mailboxes.ts";
import { LmtpConnection, lmtpMessage } from "./lmtp-load.ts";
import { measureStorms } from "./login-storm.ts";
import { DOMAIN } from "./mail-server.ts";
import {
  descendantsOf,
  processorSeconds,
  proportionalMemoryMib,
  residentMemoryMib,
} from "./process-tree.ts";

/**
 * `npm run bench:imap-idle`: what clients cost that do nothing, and what they cost when all come at once, as tables
 * for RESULTS.md. As root, with the Debian package dovecot-imapd. Its accounts and mailboxes are kept in
 * `--directory`, since they take some minutes to make.
 */
const { values } = parseArgs({
  options: {
    directory: { type: "string", default: "/var/tmp/posthouse-imap-idle" },
    connections: { type: "string", default: "9990" },
    accounts: { type: "string", default: "2000" },
    messages: { type: "string", default: "1000" },
    "dovecot-connections": { type: "string", default: "1000" },
    modes: { type: "string", default: "plain,tls,tls and deflate" },
    only: { type: "string", default: "idle,storms,dovecot" },
    "rest-seconds": { type: "string", default: "60" },
    pushes: { type: "string", default: "200" },
    /** Holds the processes with all clients idle, for a look at them. */
    hold: { type: "boolean", default: false },
  },
});
const connections = Number(values.connections);
const accounts = Number(values.accounts);
const messages = Number(values.messages);
const restSeconds = Number(values["rest-seconds"]);
const password = "bench-password";
const base = values.directory;
const ours = join(base, "posthouse");
const say = (text: string): boolean => process.stderr.write(`${text}\n`);
const KIB = 1024;

await makeAccounts();
const only = values.only.split(",");
const rows: string[][] = [];
if (only.includes("idle")) {
  for (const mode of values.modes.split(",") as IdleMode[]) await measureIdle(mode);
}
if (only.includes("dovecot")) {
  for (const hibernateSeconds of [0, 5]) await measureDovecot(hibernateSeconds);
}
if (rows.length > 0) {
  console.log(
    "| server | connections | RSS, KiB each | PSS, KiB each | V8's heap and external, KiB each | push from LMTP's 250, ms: median, p99 | from the final dot | CPU at rest, s/min |",
  );
  console.log("|---|---|---|---|---|---|---|---|");
  for (const row of rows) console.log(`| ${row.join(" | ")} |`);
}
if (only.includes("storms")) {
  await using suite = await startOurs();
  console.log("| storm | measured | bound |\n|---|---|---|");
  const storms = measureStorms(suite, (number) => `${idleUser(number)}@${DOMAIN}`, password);
  for await (const row of storms) console.log(`| ${row.join(" | ")} |`);
}

function startOurs(): Promise<Suite> {
  return startSuite({
    directory: ours,
    env: { POSTHOUSE_LOG_FORMAT: "json", ...collectingEnv(ours) },
  });
}

async function makeAccounts(): Promise<void> {
  const done = join(ours, "made");
  if (existsSync(done)) return;
  await rm(ours, { recursive: true, force: true });
  await mkdir(ours, { recursive: true });
  const startMs = performance.now();
  const ids: string[] = [];
  {
    await using suite = await startSuite({ directory: ours });
    const socketPath = join(suite.directory, "run", "auth-admin.sock");
    await using admin = connectAdmin({ socketPath });
    await inParallel(accounts, 2 * availableParallelism(), async (number) => {
      const address = `${idleUser(number)}@${DOMAIN}`;
      ids[number] = (await admin.addAccount({ address, password })).id;
    });
  }
  await makeMailboxes({ directory: ours, messages, ids });
  await mkdir(done);
  say(`${accounts} accounts made in ${((performance.now() - startMs) / 1000).toFixed(0)} s`);
}

interface Memory {
  readonly rss: number;
  readonly pss: number;
  readonly v8: number;
}

/** Of these processes together, in KiB, after they have collected their garbage. */
async function memoryOf(pids: readonly number[]): Promise<Memory> {
  const said = await Promise.all(pids.map((pid) => memoryCollected(ours, pid)));
  return {
    rss: (await residentMemoryMib(pids)) * KIB,
    pss: (await proportionalMemoryMib(pids)) * KIB,
    v8: said.reduce((sum, { heapUsed, external }) => sum + heapUsed + external, 0) / KIB,
  };
}

async function measureIdle(mode: IdleMode): Promise<void> {
  await using suite = await startOurs();
  const pid = await suite.pidOf("imap");
  const open = (number: number): Promise<IdleClient> =>
    openIdle({
      port: suite.portOf(mode === "plain" ? "imap" : "imaps"),
      mode,
      number,
      user: `${idleUser(number % accounts)}@${DOMAIN}`,
      password,
    });
  // What the first client costs, it costs once.
  const first = await open(0);
  first.close();
  await delay(1_000);
  const before = await memoryOf(await descendantsOf(pid));
  const clients: IdleClient[] = [];
  const startMs = performance.now();
  await inParallel(connections, 8, async (number) => {
    clients[number] = await open(number);
  });
  say(`${mode}: ${connections} idle after ${((performance.now() - startMs) / 1000).toFixed(0)} s`);
  await atRest(suite);
  // imap has workers by now.
  const pids = await descendantsOf(pid);
  const after = await memoryOf(pids);
  const cpuBefore = await processorSeconds(pids);
  await delay(restSeconds * 1_000);
  const cpu = (((await processorSeconds(pids)) - cpuBefore) * 60) / restSeconds;
  const each = (key: keyof Memory): string => ((after[key] - before[key]) / connections).toFixed(1);
  const pushes = await measurePushes(suite, clients);
  say(`imap ${pids.join(" ")}: ${JSON.stringify({ before, after })}`);
  rows.push([
    `Posthouse, ${mode}`,
    String(connections),
    each("rss"),
    each("pss"),
    each("v8"),
    pushes.fromReply,
    pushes.fromDot,
    cpu.toFixed(2),
  ]);
  say(String(rows.at(-1)));
  if (values.hold) await delay(3_600_000);
  for (const client of clients) client.close();
}

/** Until what logins set going is done: files are looked at, search text is filled. */
async function atRest(suite: Suite): Promise<void> {
  for (;;) {
    const pids = await descendantsOf(suite.process.pid ?? 0);
    const before = await processorSeconds(pids);
    await delay(5_000);
    if ((await processorSeconds(pids)) - before < 0.5) return;
  }
}

async function openIdle(options: {
  readonly port: number;
  readonly mode: IdleMode;
  readonly number: number;
  readonly user: string;
  readonly password: string;
}): Promise<IdleClient> {
  const localAddress = sourceAddress(options.number);
  const client = await IdleClient.open({ ...options, localAddress });
  await client.select();
  await client.idle();
  return client;
}

async function measurePushes(
  suite: Suite,
  clients: readonly IdleClient[],
): Promise<{ readonly fromReply: string; readonly fromDot: string }> {
  const lmtp = await LmtpConnection.open(join(suite.directory, "run", "lmtp.sock"));
  const message = lmtpMessage(1024);
  const fromReply: number[] = [];
  const fromDot: number[] = [];
  for (let push = 0; push < Number(values.pushes); push += 1) {
    const client = clients[(push * 7919) % clients.length];
    if (client === undefined) break;
    const told = client.line(/^\* \d+ EXISTS/).then(() => performance.now());
    const sentMs = performance.now();
    await lmtp.deliver(client.user, message);
    const answeredMs = performance.now();
    const toldMs = await told;
    fromReply.push(Math.max(0, toldMs - answeredMs));
    fromDot.push(toldMs - sentMs);
    await delay(5);
  }
  lmtp.close();
  return { fromReply: quantiles(fromReply), fromDot: quantiles(fromDot) };
}

function quantiles(numbers: number[]): string {
  const sorted = numbers.sort((one, other) => one - other);
  const at = (part: number): string =>
    (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? NaN).toFixed(1);
  return `${at(0.5)}, ${at(0.99)}`;
}

async function measureDovecot(hibernateSeconds: number): Promise<void> {
  const theirs = join(base, "dovecot");
  const theirConnections = Number(values["dovecot-connections"]);
  const theirAccounts = Math.ceil(theirConnections / 5);
  const port = 10_143;
  process.umask(0o022);
  await mkdir(theirs, { recursive: true });
  await makeMaildirs({
    directory: theirs,
    template: join(ours, "template"),
    accounts: theirAccounts,
    owner: await idsOf("mail"),
  });
  const dovecot = await startDovecot(theirs, { imapPort: port, hibernateSeconds });
  try {
    const open = (number: number): Promise<IdleClient> =>
      openIdle({
        port,
        mode: "plain",
        number,
        user: `${idleUser(number % theirAccounts)}@${DOMAIN}`,
        password,
      });
    const memory = async () => {
      const pids = await descendantsOf(dovecot.pid);
      return {
        rss: (await residentMemoryMib(pids)) * KIB,
        pss: (await proportionalMemoryMib(pids)) * KIB,
      };
    };
    await delay(1_000);
    const before = await memory();
    const clients: IdleClient[] = [];
    await inParallel(theirConnections, 8, async (number) => {
      clients[number] = await open(number);
    });
    await delay((hibernateSeconds + 10) * 1_000);
    const after = await memory();
    const pids = await descendantsOf(dovecot.pid);
    const cpuBefore = await processorSeconds(pids);
    await delay(restSeconds * 1_000);
    const cpu = (((await processorSeconds(pids)) - cpuBefore) * 60) / restSeconds;
    const each = (key: "pss" | "rss"): string =>
      ((after[key] - before[key]) / theirConnections).toFixed(1);
    const name = hibernateSeconds === 0 ? "without hibernation" : "hibernating";
    rows.push([
      `Dovecot, plain, ${name}`,
      String(theirConnections),
      each("rss"),
      each("pss"),
      "",
      "",
      "",
      cpu.toFixed(2),
    ]);
    say(`${String(rows.at(-1))}; ${pids.length} processes`);
    for (const client of clients) client.close();
  } finally {
    await dovecot.stop();
  }
}
