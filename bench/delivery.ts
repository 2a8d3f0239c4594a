import { execFile } from "node:child_process";
import { chmod, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs, promisify } from "node:util";
import { freePort } from "@posthouse/test-tools";
import { eventually } from "../e2e/eventually.ts";
import { startSuite } from "../e2e/suite.ts";
import { connectAdmin } from "../packages/accounts/src/index.ts";
import { adoptMail } from "../packages/mailbox-store/src/adopt/adopt-mail.ts";
import { openScriptStore } from "../packages/mailbox-store/src/index.ts";
import { startDovecot } from "./dovecot.ts";
import { benchMessage, lmtpMessage, lmtpRate } from "./lmtp-load.ts";
import { DOMAIN } from "./mail-server.ts";
import { Pop3Client } from "./pop3-client.ts";

/**
 * `npm run bench:delivery`: LMTP through a filter of 30 rules, and POP3 of a large maildrop, here and by Debian's
 * Dovecot with Pigeonhole on the same disk. As root, with dovecot-lmtpd, dovecot-pop3d and dovecot-sieve. The
 * part `prepare` makes what `lmtp` and `pop3` measure, once.
 */
const { values } = parseArgs({
  options: {
    directory: { type: "string", default: "/var/tmp/bench-delivery" },
    part: { type: "string", default: "prepare,lmtp,pop3" },
    rounds: { type: "string", default: "3" },
    messages: { type: "string", default: "100000" },
    deliveries: { type: "string", default: "2000" },
    reads: { type: "string", default: "10000" },
    /** Where reading begins: what was read before is read before. */
    first: { type: "string", default: "1" },
  },
});
const base = values.directory;
const rounds = Number(values.rounds);
const parts = new Set(values.part.split(","));
const run = promisify(execFile);
const password = "bench-password";
const dataDirectory = join(base, "posthouse");
const dovecotDirectory = join(base, "dovecot");
const scriptFile = join(base, "filter.sieve");
const logins = {
  filtered: `filtered@${DOMAIN}`,
  plain: `plain@${DOMAIN}`,
  large: `large@${DOMAIN}`,
};

const results = new Map<string, number[]>();

if (parts.has("prepare")) await prepare();
if (parts.has("lmtp")) await measureLmtp();
if (parts.has("pop3")) await measurePop3();

async function prepare(): Promise<void> {
  await rm(base, { recursive: true, force: true });
  await mkdir(base, { recursive: true });
  await chmod(base, 0o755);
  await writeFile(scriptFile, filter());
  await run("sievec", [scriptFile]);
  const source = join(base, "source");
  await writeMaildir(source, Number(values.messages));
  await using suite = await startSuite({ directory: dataDirectory });
  await using admin = connectAdmin({ socketPath: join(dataDirectory, "run", "auth-admin.sock") });
  for (const address of Object.values(logins)) await admin.addAccount({ address, password });
  const account = (await admin.listAccounts()).find(({ address }) => address === logins.large);
  if (account === undefined) throw new Error("The account is not there");
  const mailDirectory = join(dataDirectory, "mail");
  await adoptMail({ mailDirectory, account, source, mode: "link" });
  const ours = suite.portOf("pop3");
  await timeLogin(ours);
  tell("Posthouse has its mail");

  const mail = join(dovecotDirectory, "mail", DOMAIN, "large");
  await mkdir(join(dovecotDirectory, "mail", DOMAIN), { recursive: true });
  await run("cp", ["-al", source, mail]);
  await run("chown", ["-R", "mail:mail", join(dovecotDirectory, "mail")]);
  const pop3Port = await freePort();
  const dovecot = await startDovecot(dovecotDirectory, { pop3Port });
  try {
    await timeLogin(pop3Port);
  } finally {
    await dovecot.stop();
  }
  tell("Dovecot has its mail");
}

async function measureLmtp(): Promise<void> {
  await using suite = await startSuite({ directory: dataDirectory });
  const scripts = openScriptStore({ mailDirectory: join(dataDirectory, "mail") });
  const ours = join(dataDirectory, "run", "lmtp.sock");
  const dovecot = await startDovecot(dovecotDirectory, { sieveScript: scriptFile });
  const bare = await startDovecot(join(base, "bare"), {});
  const octets = lmtpMessage(4096);
  const messages = Number(values.deliveries);
  const deliver = (socketPath: string, recipient: string, count: number, sessions = 20) =>
    lmtpRate({ socketPath, recipient, messages: count, sessions, octets });
  const sides = [
    { name: "ours, 30 rules", socketPath: ours, recipient: logins.filtered },
    { name: "theirs, 30 rules", socketPath: dovecot.lmtpSocket, recipient: logins.filtered },
    { name: "ours, no filter", socketPath: ours, recipient: logins.plain },
    { name: "theirs, no filter", socketPath: bare.lmtpSocket, recipient: logins.plain },
  ] as const;
  try {
    for (const { socketPath, recipient } of sides) {
      await eventually(
        `${socketPath} takes mail`,
        async () => await deliver(socketPath, recipient, 1, 1),
        5_000,
      );
    }
    const filtered = scripts.of({ address: logins.filtered });
    await filtered.put("bench", await readFile(scriptFile));
    await filtered.activate("bench");
    for (const { socketPath, recipient } of sides) await deliver(socketPath, recipient, 300, 4);
    for (let round = 0; round < rounds; round += 1) {
      for (const { name, socketPath, recipient } of sides) {
        note(
          `LMTP deliveries/s, 20 at once, 4 KiB, ${name}`,
          await deliver(socketPath, recipient, messages),
        );
      }
    }
  } finally {
    await dovecot.stop();
    await bare.stop();
    await suite.stop();
  }
  report();
}

async function measurePop3(): Promise<void> {
  await using suite = await startSuite({ directory: dataDirectory });
  const pop3Port = await freePort();
  const dovecot = await startDovecot(dovecotDirectory, { pop3Port });
  const sides = [
    { name: "ours", port: suite.portOf("pop3") },
    { name: "theirs", port: pop3Port },
  ] as const;
  const reads = Number(values.reads);
  try {
    for (const { port } of sides)
      await eventually("POP3 answers", async () => await timeLogin(port));
    for (let round = 0; round < rounds + 2; round += 1) {
      for (const { name, port } of sides) {
        note(`login, STAT and UIDL of ${values.messages}, ms, ${name}`, await timeLogin(port));
      }
    }
    for (let round = 0; round < rounds; round += 1) {
      for (const { name, port } of sides) {
        note(
          `RETR of ${reads}/s, ${round === 0 ? "unread" : "read before"}, ${name}`,
          await retrRate(port, reads),
        );
      }
    }
  } finally {
    await dovecot.stop();
    await suite.stop();
  }
  report();
}

/** A client that leaves mail on the server looks for new mail. */
async function timeLogin(port: number): Promise<number> {
  const startMs = performance.now();
  const client = await Pop3Client.logIn(port, logins.large, password);
  await client.say("STAT");
  await client.read("UIDL");
  await client.quit();
  return performance.now() - startMs;
}

async function retrRate(port: number, messages: number): Promise<number> {
  const client = await Pop3Client.logIn(port, logins.large, password);
  const startMs = performance.now();
  const first = Number(values.first);
  for (let at = 0; at < messages; at += 1) await client.read(`RETR ${first + at}`);
  await client.quit();
  return messages / ((performance.now() - startMs) / 1000);
}

/** Rules as people have them; the message of the benchmark fits the last one. */
function filter(): string {
  const rules = Array.from({ length: 29 }, (_, at) => {
    const tests = [
      `header :contains "List-Id" "list${at}.example.org"`,
      `address :is :domain "from" "shop${at}.example"`,
      `header :matches "Subject" "[project${at}] *"`,
      `anyof (address :all "to" "team${at}@example.test", exists "X-Never-${at}")`,
      `allof (size :over 1M, header :is "X-Priority" "${at}")`,
    ];
    return `if ${tests[at % tests.length]} { fileinto :create "Folder${at}"; stop; }`;
  });
  return [
    'require ["fileinto", "mailbox", "imap4flags", "envelope"];',
    ...rules,
    'if header :contains "subject" "benchmark" { addflag "$seen-by-rule"; fileinto :create "Benchmark"; }',
    "",
  ].join("\n");
}

async function writeMaildir(path: string, messages: number): Promise<void> {
  for (const name of ["cur", "new", "tmp"]) await mkdir(join(path, name), { recursive: true });
  const octets = benchMessage(2048);
  const lines: string[] = [];
  for (let uid = 1; uid <= messages; uid += 1) {
    const key = `${1_700_000_000 + uid}.M${uid}P1.mx,S=${octets.length},W=${octets.length}`;
    await writeFile(join(path, "cur", `${key}:2,`), octets);
    lines.push(`${uid} :${key}\n`);
  }
  const header = `3 V1275660208 N${messages + 1} G3085f01b7f11094c501100008c4a11c1\n`;
  await writeFile(join(path, "dovecot-uidlist"), header + lines.join(""));
}

function note(what: string, value: number): void {
  results.set(what, [...(results.get(what) ?? []), value]);
  tell(`${what}: ${value.toFixed(0)}`);
}

function report(): void {
  for (const [what, found] of results) {
    const sorted = found.toSorted((one, other) => one - other);
    const median = sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
    console.log(
      `| ${what} | ${median.toFixed(0)} | ${found.map((one) => one.toFixed(0)).join(", ")} |`,
    );
  }
  results.clear();
}

function tell(text: string): void {
  process.stderr.write(`${text}\n`);
}
