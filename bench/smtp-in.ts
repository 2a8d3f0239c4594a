import { generateKeyPairSync } from "node:crypto";
import { chmod, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { freePort } from "@posthouse/test-tools";
import { localToml } from "../apps/cli/src/local/local-config.ts";
import { startKnot } from "../e2e/knot.ts";
import {
  type DkimKey,
  dkimAlgorithms,
  dnsRecordOf,
  signatureFields,
  zoneLineOf,
} from "../packages/dkim/src/index.ts";
import { acceptToMailbox, type Load, sendBySource } from "./accept-to-mailbox.ts";
import { inParallel, sourceAddress } from "./idle-client.ts";
import { accounts, DOMAIN, type MailServer } from "./mail-server.ts";
import { startPostfixDovecot } from "./postfix-dovecot.ts";
import { startPosthouse } from "./posthouse.ts";
import { Client, smtpLoad } from "./smtp-load.ts";

/**
 * `npm run bench:smtp-in -- --part NAME`: the front door, beside Postfix with Dovecot where that has the like. Each
 * part takes less than three minutes.
 */
const { values } = parseArgs({
  options: {
    part: { type: "string", default: "sessions" },
    directory: { type: "string" },
    rounds: { type: "string", default: "2" },
  },
});

type Rows = Map<string, [ours: number[], theirs: number[]]>;
type Side = 0 | 1;

const base = await mkdtemp(join(values.directory ?? tmpdir(), "bench-"));
await chmod(base, 0o755);
const rows: Rows = new Map();

function note(name: string, side: Side, value: number): void {
  const row = rows.get(name) ?? [[], []];
  row[side].push(value);
  rows.set(name, row);
  process.stderr.write(`${side === 0 ? "Posthouse" : "Postfix"}: ${name}: ${value.toFixed(1)}\n`);
}

const load = (sessions: number, messageBytes: number, messages: number): Load => ({
  sessions,
  messageBytes,
  messages,
  recipients: accounts.slice(0, 1),
  isConnectionKept: true,
});

const loads: Readonly<Record<string, Load>> = {
  "1 session, 4 KiB": load(1, 4096, 400),
  "20 sessions, 4 KiB": load(20, 4096, 3000),
  "100 sessions, 4 KiB": load(100, 4096, 3000),
  "1 session, 1 MiB": load(1, 1024 ** 2, 60),
  "20 sessions, 1 MiB": load(20, 1024 ** 2, 200),
};

/** Every load, after what makes a process warm. */
async function endToEnd(server: MailServer, side: Side): Promise<void> {
  await acceptToMailbox(server, load(20, 4096, side === 0 ? 4000 : 1000));
  for (const [name, one] of Object.entries(loads)) {
    note(`${name}: in mailboxes/s`, side, (await acceptToMailbox(server, one)).deliveredPerSecond);
  }
}

/** Remote recipients, and nobody who takes them out of the queue. */
async function acceptAlone(server: MailServer, side: Side): Promise<void> {
  const toElsewhere = (sessions: number, messages: number) =>
    sendBySource(server.smtpPort, load(sessions, 4096, messages), "user@elsewhere.test");
  await toElsewhere(20, side === 0 ? 3000 : 500);
  const stopped = await server.senderPid?.();
  if (stopped !== undefined) process.kill(stopped, "SIGSTOP");
  try {
    for (const [sessions, messages] of [
      [1, 400],
      [20, 2000],
      [100, 2000],
    ] as const) {
      const startedMs = performance.now();
      await toElsewhere(sessions, messages);
      const rate = (messages * 1000) / (performance.now() - startedMs);
      note(`${sessions} sessions, 4 KiB, elsewhere: accepted/s`, side, rate);
    }
  } finally {
    if (stopped !== undefined) process.kill(stopped, "SIGCONT");
  }
}

const text = Buffer.from(
  `From: user1@${DOMAIN}\r\nTo: user2@${DOMAIN}\r\nSubject: bench\r\n\r\n${`${"x".repeat(76)}\r\n`.repeat(52)}`,
);

async function submission(server: MailServer, side: Side): Promise<void> {
  const { submissionPort } = server;
  const user = `user1@${DOMAIN}`;
  const login = { tls: "starttls", user, password: "bench-password" } as const;
  const about = { port: submissionPort, login, from: user, to: `user2@${DOMAIN}`, message: text };
  await smtpLoad({ ...about, sessions: 20, messages: 1000, messagesPerConnection: 10 });
  for (const messagesPerConnection of [1, 10]) {
    const messages = messagesPerConnection === 1 ? 800 : 2000;
    const rate = await smtpLoad({ ...about, sessions: 20, messages, messagesPerConnection });
    note(
      `20 sessions, TLS and AUTH, ${messagesPerConnection} a connection: accepted/s`,
      side,
      rate,
    );
  }
}

/** Two keys of remote.test, their records, and the example message signed with both. */
async function signed(): Promise<{ readonly records: string; readonly message: Buffer }> {
  const pairs = {
    "rsa-sha256": generateKeyPairSync("rsa", { modulusLength: 2048 }),
    "ed25519-sha256": generateKeyPairSync("ed25519"),
  } as const;
  const keys = dkimAlgorithms.map((algorithm): DkimKey => {
    const { privateKey } = pairs[algorithm];
    const selector = algorithm.slice(0, 3);
    return {
      domain: "remote.test",
      selector,
      algorithm,
      state: "active",
      createdAtMs: 0,
      privateKey,
    };
  });
  const message = Buffer.from(
    text.toString().replace(`From: user1@${DOMAIN}`, "From: sender@remote.test"),
  );
  const octets = (async function* () {
    yield message;
  })();
  const fields = await signatureFields(octets, { keysFor: async () => keys, nowMs: Date.now() });
  const records = keys.map((key) => zoneLineOf(dnsRecordOf(key))).join("\n");
  return { records, message: Buffer.concat([fields, message]) };
}

/** A DNS of its own, which knows the sender; then everything is looked at. */
async function withDns(work: (toml: string, message: Buffer) => Promise<void>): Promise<void> {
  const port = await freePort();
  const { records, message } = await signed();
  await using _knot = await startKnot({
    directory: join(base, `knot-${port}`),
    port,
    zones: {
      "remote.test": `@ TXT "v=spf1 ip4:127.0.0.1 -all"\n@ MX 10 out\nout A 127.0.0.1\n_dmarc TXT "v=DMARC1; p=reject"\n${records}`,
      "0.0.127.in-addr.arpa": "1 PTR out.remote.test.",
    },
  });
  const toml = `${localToml}dns_servers = ["127.0.0.1:${port}"]\n\n[inspection]\nexempt_networks = []\n`;
  await work(unlimited(toml), message);
}

const unlimitedAccounts = `
[smtp_in.limits]
account_messages_per_hour = 1000000
account_recipients_per_hour = 1000000
`;

const unlimited = (toml: string): string =>
  toml.replace("[smtp_in]", '[smtp_in]\nunlimited_from = ["127.0.0.0/8"]');

const relaying = (): string =>
  unlimited(localToml).replace(
    '{ kind = "mx", address = "127.0.0.1", port = 25 }',
    `{ kind = "mx", address = "127.0.0.1", port = 25, relay_networks = [
    { networks = ["127.0.0.0/8"], senders = ["@remote.test"], messages_per_hour = 1000000 } ] }`,
  );

/** Resident memory of smtp-in after so many connections more, each said hello to. */
async function idle(): Promise<void> {
  const COUNT = 1900;
  for (const mode of ["plain", "TLS"] as const) {
    const toml = `${unlimited(localToml)}\n[smtp_in.limits]\nconnections_per_network_max = 2000\nconnections_per_minute = 1000000\n`;
    await using server = await startPosthouse(base, { toml });
    const pid = await server.frontPid();
    const open = async (number: number) => {
      const localAddress = sourceAddress(number);
      const port = mode === "plain" ? server.smtpPort : server.submissionsPort;
      const login = {
        tls: "implicit",
        user: `user1@${DOMAIN}`,
        password: "bench-password",
      } as const;
      return await Client.open({ port, localAddress, ...(mode === "TLS" && { login }) });
    };
    // What a first hundred needs is not a connection's.
    const clients: Client[] = [];
    await inParallel(100, 20, async (number) => void clients.push(await open(number)));
    await delay(3000);
    const before = await residentKib(pid);
    await inParallel(COUNT, 20, async (number) => void clients.push(await open(number + 100)));
    await delay(5000);
    note(
      `${COUNT} idle connections, ${mode}: KiB each`,
      0,
      ((await residentKib(pid)) - before) / COUNT,
    );
    for (const client of clients) await client[Symbol.asyncDispose]();
  }
}

async function residentKib(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]);
}

async function beside(
  toml: string,
  work: (server: MailServer, side: Side) => Promise<void>,
  options: Parameters<typeof startPostfixDovecot>[1] = {},
): Promise<void> {
  for (let round = 0; round < Number(values.rounds); round++) {
    {
      await using ours = await startPosthouse(base, { toml });
      await work(ours, 0);
    }
    await using theirs = await startPostfixDovecot(base, options);
    await work(theirs, 1);
  }
}

const parts: Readonly<Record<string, () => Promise<void>>> = {
  sessions: () => beside(unlimited(localToml), endToEnd),
  checked: () =>
    withDns((toml) =>
      beside(toml, async (server, side) => {
        await endToEnd(server, side);
        if (side === 0) await hasResults(server, ["iprev=pass", "spf=pass", "dmarc=pass"]);
      }),
    ),
  accept: () => beside(relaying(), acceptAlone, { hasNoQueueManager: true }),
  submission: () =>
    beside(`${unlimited(localToml)}${unlimitedAccounts}`, submission, { hasSubmission: true }),
  dkim: () =>
    withDns(async (toml, message) => {
      await using ours = await startPosthouse(base, { toml });
      const about = { port: ours.smtpPort, from: "sender@remote.test", to: `user1@${DOMAIN}` };
      const sessions = { sessions: 20, messagesPerConnection: 100 };
      await smtpLoad({ ...about, ...sessions, message, messages: 1500 });
      const rate = await smtpLoad({ ...about, ...sessions, message, messages: 3000 });
      note("20 sessions, 4 KiB, two signatures: in mailboxes/s", 0, rate);
      await hasResults(ours, ["dkim=pass", "dkim=pass", "spf=pass", "dmarc=pass"]);
    }),
  idle,
};

/** What was measured is what it is said to be. */
async function hasResults(server: MailServer, words: readonly string[]): Promise<void> {
  const directory = join(server.maildirOf("user1"), "new");
  const [name = ""] = await readdir(directory);
  const message = await readFile(join(directory, name), "latin1");
  const found = message.match(/\b(?:iprev|spf|dkim|dmarc)=\w+/g) ?? [];
  for (const word of new Set(words)) {
    const [is, wanted] = [found, words].map((list) => list.filter((one) => one === word).length);
    if ((is ?? 0) < (wanted ?? 0))
      throw new Error(`${word} is missing:\n${message.slice(0, 2000)}`);
  }
}

const median = (numbers: readonly number[]): number =>
  numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN;

try {
  const part = parts[values.part];
  if (part === undefined) throw new Error(`--part is one of ${Object.keys(parts).join(", ")}`);
  await part();
  console.log("| load | Posthouse | Postfix with Dovecot | ratio |\n|---|---|---|---|");
  for (const [name, [ours, theirs]] of rows) {
    const [a, b] = [median(ours), median(theirs)];
    const other = Number.isNaN(b) ? ["", ""] : [b.toFixed(0), (a / b).toFixed(2)];
    console.log(`| ${name} | ${a.toFixed(0)} | ${other.join(" | ")} |`);
  }
} finally {
  await rm(base, { recursive: true, force: true });
}
