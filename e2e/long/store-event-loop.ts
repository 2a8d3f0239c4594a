import { linkSync, mkdirSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { setTimeout as delay } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import {
  type AccountMail,
  type Mailbox,
  type ModSeq,
  openMailStore,
  type Uid,
} from "@posthouse/mailbox-store";

/**
 * How long each method of the store holds up the event loop with a mailbox of 100,000 messages, and how
 * large that mailbox is in memory: `node --expose-gc store-event-loop.ts [MESSAGES [TIMES]]`.
 *
 * Beside each stands what a thread that does nothing saw in the same moments: what the machine did, and
 * not we. Of several times it is the median of the longest.
 */
const [, , wantedMessages = "100000", wantedTimes = "3"] = process.argv;
const messages = Number(wantedMessages);
const times = Number(wantedTimes);
const directory = await mkdtemp(join(tmpdir(), "posthouse-loop-"));
const mailDirectory = join(directory, "mail");
const loop = monitorEventLoopDelay({ resolution: 1 });
loop.enable();

/** The same histogram in a thread with an event loop of its own, and nothing to do. */
const idle = new Worker(
  `const { parentPort } = require("node:worker_threads");
   const loop = require("node:perf_hooks").monitorEventLoopDelay({ resolution: 1 });
   loop.enable();
   parentPort.on("message", () => { parentPort.postMessage(loop.max); loop.reset(); });`,
  { eval: true },
);

async function idleMax(): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<number>();
  idle.once("message", resolve);
  idle.postMessage("how long");
  return promise;
}

/** The histogram measures from one timer to the next, which are 1 ms apart when all is well. */
function msOf(max: number): number {
  return Math.max(0, max / 1e6 - 1);
}

const seen = new Map<string, { loopMs: number[]; idleMs: number[]; ms: number[] }>();

async function measure<Result>(name: string, work: () => Promise<Result>): Promise<Result> {
  await delay(30);
  await idleMax();
  loop.reset();
  const startMs = performance.now();
  const result = await work();
  const ms = performance.now() - startMs;
  await delay(5);
  const row = seen.get(name) ?? { loopMs: [], idleMs: [], ms: [] };
  seen.set(name, row);
  row.loopMs.push(msOf(loop.max));
  row.idleMs.push(msOf(await idleMax()));
  row.ms.push(ms);
  return result;
}

/** As another program leaves them: links to a few files, since a message is not what is measured. */
function dropFiles(accountPath: string): void {
  for (const name of ["cur", "new", "tmp"]) {
    mkdirSync(join(accountPath, name), { recursive: true });
  }
  let source = "";
  for (let at = 0; at < messages; at += 1) {
    const path = join(accountPath, "cur", `${1_700_000_000 + at}.M${at}.host:2,`);
    // ext4 has at most 65,000 links to a file.
    if (at % 10_000 === 0) {
      writeFileSync(path, `From: <a@example.org>\r\nSubject: ${at}\r\n\r\nbody of ${at}\r\n`);
      source = path;
    } else linkSync(source, path);
  }
}

function open() {
  return openMailStore({ mailDirectory, messageBytesMax: 1024 * 1024, host: "mx.example.org" });
}

function memoryBytes(): number {
  globalThis.gc?.();
  globalThis.gc?.();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

async function run(time: number): Promise<void> {
  const name = `big${time}`;
  dropFiles(join(mailDirectory, "example.org", name));
  const ref = { id: name, address: `${name}@example.org` };
  {
    await using store = await open();
    await using account = await measure("openAccount", () => store.openAccount(ref));
    await using _inbox = await measure("openMailbox, first scan", () =>
      account.openMailbox("INBOX"),
    );
    // Rows are read; then they are packed for whoever comes next.
  }
  {
    await using store = await open();
    await using account = await store.openAccount(ref);
    await using _inbox = await measure("openMailbox, rows", () => account.openMailbox("INBOX"));
  }
  await using store = await open();
  await using account = await store.openAccount(ref);
  const before = memoryBytes();
  await using inbox = await measure("openMailbox, packed", () => account.openMailbox("INBOX"));
  const one = memoryBytes();
  await using _again = await measure("openMailbox, again", () => account.openMailbox("INBOX"));
  const two = memoryBytes();
  memoryMib.push([(one - before) / 2 ** 20, (two - one) / 2 ** 20]);
  await readAll(account, inbox);
  await changeAll(account, inbox);
  await measure("check", () => account.check());
  await measure("check, repair", () => account.check({ repair: true }));
  await measure("renameMailbox INBOX", () => account.renameMailbox("INBOX", "Old"));
  await measure("renameMailbox", () => account.renameMailbox("Old", "Older"));
  await measure("deleteMailbox", () => account.deleteMailbox("Older"));
}

const memoryMib: [number, number][] = [];

function uidsOf(mailbox: Mailbox): Uid[] {
  return Array.from(mailbox.columns.uids) as Uid[];
}

async function readAll(account: AccountMail, inbox: Mailbox): Promise<void> {
  const uids = uidsOf(inbox);
  const everySecond = uids.filter((uid) => uid % 2 === 0);
  await measure("sync, nothing new", () => inbox.sync(inbox.columns));
  await measure("status", () => account.status("INBOX"));
  await measure("listMailboxes", () => account.listMailboxes());
  await measure("quota", () => account.quota());
  await measure("summaries, parsed", () => Array.fromAsync(inbox.summaries(uids.slice(0, 5_000))));
  await measure("summaries", async () => {
    for (let at = 0; at < 4; at += 1) {
      for await (const _batch of inbox.summaries(uids.slice(0, 5_000)));
    }
  });
  await measure("changesSince 1", () => inbox.changesSince(1 as ModSeq));
  const knownUids = everySecond.map((uid) => ({ first: uid, last: uid }));
  await measure("changesSince, scattered", () => inbox.changesSince(1 as ModSeq, { knownUids }));
  const criterion = { kind: "header", field: "subject", text: "99999" } as const;
  await measure("search, files", async () => {
    for await (const _batch of inbox.search(criterion, uids.slice(0, 20_000)));
  });
  await measure("search, none", async () => {
    const text = "nowhere";
    const none = { kind: "sent", firstDay: 0, lastDay: 1, text } as const;
    for await (const _batch of inbox.search(none, uids)) break;
  });
  await measure("openMessage", async () => {
    await using _stored = await inbox.openMessage(uids.at(-1) as Uid);
  });
}

async function changeAll(account: AccountMail, inbox: Mailbox): Promise<void> {
  const uids = uidsOf(inbox);
  const change = { mode: "add", systemFlags: ["\\Seen"], keywords: ["todo"] } as const;
  const beforeFlags = inbox.columns;
  await measure("changeFlags, all", () => inbox.changeFlags(uids, change));
  await measure("sync, all have other flags", () => inbox.sync(beforeFlags));
  await measure("changeFlags, all refused", () =>
    inbox.changeFlags(uids, { ...change, mode: "remove", unchangedSince: 1 as ModSeq }),
  );
  const request = () => ({ octets: [Buffer.from("Subject: new\r\n\r\nnew\r\n")] });
  await measure("append, 500", () => account.append("INBOX", Array.from({ length: 500 }, request)));
  await measure("deliver", () => account.deliver("INBOX", request(), "one"));
  await measure("claimRecent", () => inbox.claimRecent());
  await account.createMailbox("Archive");
  await account.createMailbox("Sent");
  await measure("copy, all", () => inbox.copy(uids, "Archive"));
  await measure("openMailbox, of copies", async () => {
    await using _archive = await account.openMailbox("Archive");
  });
  await measure("move, all", () => inbox.move(uids, "Sent"));
  await measure("sync, all vanished", () => inbox.sync(inbox.columns));
  await using sent = await account.openMailbox("Sent");
  await measure("move back", () => sent.move(uidsOf(sent), "INBOX"));
  await measure("sync, all new", () => inbox.sync(inbox.columns));
  const some = uidsOf(inbox).filter((_uid, at) => at % 3 === 0);
  const highest = inbox.highestModSeq as ModSeq;
  await measure("expunge, a third", () => inbox.expunge(some));
  await measure("sync, a third vanished", () => inbox.sync(inbox.columns));
  await measure("changesSince, a third vanished", () => inbox.changesSince(highest));
  await using archive = await account.openMailbox("Archive");
  const all = [{ first: 1 as Uid, last: 4_294_967_295 as Uid }];
  await measure("expunge, all as a set", () => archive.expunge(all));
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

try {
  for (let time = 0; time < times; time += 1) await run(time);
} finally {
  await idle.terminate();
  await rm(directory, { recursive: true, force: true, maxRetries: 3 });
}
const cell = (value: number) => value.toFixed(1).padStart(9);
console.log(`${"".padEnd(32)}   loop ms  idle loop   whole ms`);
for (const [name, { loopMs, idleMs, ms }] of seen) {
  console.log(
    `${name.padEnd(32)}${cell(median(loopMs))}${cell(median(idleMs))}${cell(median(ms))}`,
  );
}
const [mine = Number.NaN, again = Number.NaN] = [0, 1].map((nth) =>
  median(memoryMib.map((pair) => pair[nth] ?? Number.NaN)),
);
console.log(
  `MiB of an open mailbox: ${mine.toFixed(2)}, and of each further opening ${again.toFixed(2)}`,
);
