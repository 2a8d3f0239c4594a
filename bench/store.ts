import { execFile } from "node:child_process";
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs, promisify } from "node:util";
import { eventually } from "../e2e/eventually.ts";
import { startSuite } from "../e2e/suite.ts";
import { connectAdmin } from "../packages/accounts/src/index.ts";
import { openMailStore } from "../packages/mailbox-store/src/index.ts";
import { type Dovecot, startDovecot } from "./dovecot.ts";
import { benchMessage, lmtpMessage, lmtpRate } from "./lmtp-load.ts";
import { DOMAIN } from "./mail-server.ts";

/**
 * `npm run bench:store`: the mailbox store and Debian's Dovecot on the same disk, as a table for
 * RESULTS.md. As root, with the Debian packages dovecot-imapd and dovecot-lmtpd; `--quick` leaves out the
 * mailbox of 200,000 messages and makes the large one smaller.
 */
const { values } = parseArgs({
  options: {
    directory: { type: "string", default: "/var/tmp" },
    quick: { type: "boolean", default: false },
    rounds: { type: "string", default: "2" },
  },
});
const rounds = Number(values.rounds);
const fills = values.quick ? [1_000, 20_000] : [1_000, 20_000, 200_000];
/** Dovecot is filled as ours is, by deliveries, and takes minutes for more. */
const comparedMax = 20_000;
const deliveries = values.quick ? 1_000 : 2_000;
const largeMessages = values.quick ? 20_000 : 100_000;
const sessions = 20;

const run = promisify(execFile);
// Nothing is deleted before the end: a file system that has just deleted much is slow to make files.
const base = await mkdtemp(join(values.directory, "bench-store-"));
await chmod(base, 0o755);
const rows: string[][] = [];
/** While its Dovecot runs: a second one that begins so soon after the first refuses mail. */
let dovecotFlagsMs = Number.NaN;
try {
  await measureDeliveries();
  await measureLimit();
  await measureLargeMailbox();
} finally {
  await rm(base, { recursive: true, force: true });
}
console.log("| what | Posthouse | other | ratio |\n|---|---|---|---|");
for (const row of rows) console.log(`| ${row.join(" | ")} |`);

async function measureDeliveries(): Promise<void> {
  const directory = join(base, "posthouse");
  await using suite = await startSuite({ directory, env: { POSTHOUSE_LOG_FORMAT: "json" } });
  await using admin = connectAdmin({ socketPath: join(directory, "run", "auth-admin.sock") });
  const dovecot = await startDovecot(join(base, "dovecot"));
  const ours = join(directory, "run", "lmtp.sock");
  const rates = new Map<string, number[]>();
  try {
    for (const fill of fills) {
      const account = `with${fill}`;
      await admin.addAccount({ address: `${account}@${DOMAIN}`, password: "bench-password" });
      await fillPosthouse(ours, join(directory, "mail"), account, fill);
      if (fill <= comparedMax) await deliverToDovecot(dovecot, account, fill);
    }
    const measure = async (name: string, socketPath: string, fill: number) => {
      const rate = await deliverAtOnce(socketPath, `with${fill}`, deliveries);
      const key = `${name} ${fill}`;
      rates.set(key, [...(rates.get(key) ?? []), rate]);
      tell(`${key}: ${rate.toFixed(0)}/s`);
    };
    for (let round = 0; round < rounds; round += 1) {
      for (const fill of fills) await measure("ours", ours, fill);
      for (const fill of fills) {
        if (fill <= comparedMax) await measure("theirs", dovecot.lmtpSocket, fill);
      }
    }
    dovecotFlagsMs = await timeDovecotFlags(dovecot);
  } finally {
    await dovecot.stop();
    await suite.stop();
  }
  const rateOf = (key: string) => mean(rates.get(key) ?? []);
  for (const fill of fills.filter((one) => one <= comparedMax)) {
    const what = `LMTP deliveries/s, 20 at once, 4 KiB, ${count(fill)} messages there; Dovecot`;
    compare(what, rateOf(`ours ${fill}`), rateOf(`theirs ${fill}`));
  }
  const last = fills.at(-1) ?? 0;
  const what = `the same, ${count(last)} messages there; against ${count(fills[0] ?? 0)}`;
  compare(what, rateOf(`ours ${last}`), rateOf(`ours ${fills[0]}`));
}

function deliverAtOnce(socketPath: string, account: string, messages: number): Promise<number> {
  const recipient = `${account}@${DOMAIN}`;
  return lmtpRate({ socketPath, recipient, messages, sessions, octets: lmtpMessage(4096) });
}

/** By the store itself, so that the index holds what it holds after as many deliveries. */
async function fillPosthouse(
  socketPath: string,
  mailDirectory: string,
  account: string,
  messages: number,
): Promise<void> {
  // The first delivery makes the account's directory, and a hundred warm up.
  await deliverAtOnce(socketPath, account, 100);
  const id = await readFile(join(mailDirectory, DOMAIN, account, "posthouse-account"), "utf8");
  const host = "mx.example.test";
  await using store = await openMailStore({ mailDirectory, messageBytesMax: 1024 * 1024, host });
  const mail = await store.openAccount({ id: id.trim(), address: `${account}@${DOMAIN}` });
  const octets = benchMessage(512);
  let left = messages - 100;
  const fillSome = async () => {
    while (left > 0) {
      const some = Math.min(50, left);
      left -= some;
      await mail.append(
        "INBOX",
        Array.from({ length: some }, () => ({ octets: [octets] })),
      );
    }
  };
  await Promise.all(Array.from({ length: 8 }, fillSome));
  await (await mail.openMailbox("INBOX"))[Symbol.asyncDispose]();
  tell(`Posthouse has ${messages} messages`);
}

/** As its mail comes in life. */
async function deliverToDovecot(
  dovecot: Dovecot,
  account: string,
  messages: number,
): Promise<void> {
  await makeDovecotAccount(dovecot, account);
  await deliverAtOnce(dovecot.lmtpSocket, account, messages - 1);
  tell(`Dovecot has ${messages} messages`);
}

/** Alone: of twenty that make the mailbox at once, some are refused; and so is who comes too early. */
async function makeDovecotAccount(dovecot: Dovecot, account: string): Promise<void> {
  await eventually("Dovecot takes mail", async () => {
    await deliverAtOnce(dovecot.lmtpSocket, account, 1);
    return true;
  });
}

/** By Dovecot itself, from a Maildir that it imports: files that it only finds make it slow for long. */
async function importIntoDovecot(
  dovecot: Dovecot,
  account: string,
  messages: number,
): Promise<void> {
  await makeDovecotAccount(dovecot, account);
  const source = await mkdtemp(join(base, "source-"));
  for (const name of ["cur", "new", "tmp"]) await mkdir(join(source, name));
  const octets = benchMessage(512);
  for (let at = 1; at < messages; at += 1) {
    const name = `${1_700_000_000 + at}.M${at}P1.mx,S=${octets.length},W=${octets.length}:2,`;
    await writeFile(join(source, "cur", name), octets);
  }
  await run("chown", ["-R", "mail:mail", source]);
  const user = `${account}@${DOMAIN}`;
  // Only while it is filled.
  const unsynced = ["-o", "mail_fsync=never"];
  await doveadm(dovecot, ...unsynced, "import", "-u", user, `maildir:${source}`, "", "all");
  // It has looked through its folder once more, and measures itself as it does from then on.
  for (let time = 0; time < 2; time += 1) {
    await doveadm(dovecot, "mailbox", "status", "-u", user, "messages", "INBOX");
    await delay(2000);
  }
  tell(`Dovecot has ${messages} messages`);
}

async function doveadm(dovecot: Dovecot, ...args: readonly string[]): Promise<void> {
  await run("doveadm", ["-c", dovecot.conf, ...args]);
}

async function measureLimit(): Promise<void> {
  const limits: number[] = [];
  const appends: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const script = join(import.meta.dirname, "disk-limit.ts");
    const { stdout } = await run(
      process.execPath,
      [script, join(base, `disk${round}`), String(deliveries), "16"],
      { env: { ...process.env, UV_THREADPOOL_SIZE: "16" } },
    );
    limits.push(Number(stdout));
    const { perSecond = Number.NaN } = await large("append", join(base, `append${round}`), 2_000);
    appends.push(perSecond);
  }
  compare("store's append/s, 16 at once, 4 KiB; the disk's own limit", mean(appends), mean(limits));
}

async function measureLargeMailbox(): Promise<void> {
  const directory = join(base, "large");
  const many = count(largeMessages);
  const fill = await large("fill", directory, largeMessages);
  // Twice, since the first process packs what the second then reads.
  await large("open", directory, largeMessages);
  const open = await large("open", directory, largeMessages);
  tell(JSON.stringify({ ...fill, ...open }));
  note(`opening ${many} messages, cold process, ms; target 30`, open.coldMs);
  note("… while another session has them open, ms; target 2", open.sharedMs);
  note("… memory, MiB; target 4", open.memoryMib);
  note("… event loop held up, ms; target 20", open.coldLoopMs);
  note("index, bytes a message; target 1,536", fill.indexBytes);
  const flags = await large("flags", directory, largeMessages);
  tell(JSON.stringify(flags));
  compare(`\\Seen on all ${many}, ms; Dovecot`, flags.seenMs, dovecotFlagsMs);
  compare("… bare renames of as many files, ms", flags.seenMs, flags.bareMs);
  compare(`\\Flagged on all ${many}, ms; bare renames`, flags.flaggedMs, flags.bareMs);
  note("… event loop held up, ms; target 20", flags.seenLoopMs);
  note("… and by sync() after it, ms; target 20", flags.syncLoopMs);
  const third = count(Math.ceil(largeMessages / 3));
  const expunge = await large("expunge", directory, largeMessages);
  note(`COPY of ${third}, ms`, expunge.copyMs);
  note("… event loop held up, ms; target 20", expunge.copyLoopMs);
  note(`EXPUNGE of ${third}, ms`, expunge.expungeMs);
  note("… event loop held up, ms; target 20", expunge.expungeLoopMs);
}

async function timeDovecotFlags(dovecot: Dovecot): Promise<number> {
  await importIntoDovecot(dovecot, "large", largeMessages);
  const startMs = performance.now();
  const user = `large@${DOMAIN}`;
  await doveadm(dovecot, "flags", "add", "-u", user, "\\Seen", "mailbox", "INBOX", "all");
  return performance.now() - startMs;
}

/** A step of large-mailbox.ts, in a process that knows nothing of the ones before. */
async function large(
  step: string,
  directory: string,
  messages: number,
): Promise<Record<string, number>> {
  await mkdir(directory, { recursive: true });
  const script = join(import.meta.dirname, "large-mailbox.ts");
  const { stdout } = await run(process.execPath, [
    "--expose-gc",
    script,
    step,
    directory,
    String(messages),
  ]);
  const lines = stdout.trim().split("\n");
  return Object.assign({}, ...lines.map((line) => JSON.parse(line) as Record<string, number>));
}

function compare(what: string, ours = Number.NaN, other = Number.NaN): void {
  rows.push([what, digits(ours), digits(other), (ours / other).toFixed(2)]);
}

function note(what: string, value = Number.NaN): void {
  rows.push([what, digits(value), "", ""]);
}

function digits(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toFixed(1);
}

function count(messages: number): string {
  return messages.toLocaleString("en-US");
}

function mean(numbers: readonly number[]): number {
  return numbers.reduce((sum, one) => sum + one, 0) / numbers.length;
}

function tell(text: string): void {
  process.stderr.write(`${text}\n`);
}
