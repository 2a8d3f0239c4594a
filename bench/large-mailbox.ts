import { readdirSync, renameSync, statSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { setTimeout as delay } from "node:timers/promises";
import {
  type AccountMail,
  type Mailbox,
  openMailStore,
  type Uid,
} from "../packages/mailbox-store/src/index.ts";
import { benchMessage } from "./lmtp-load.ts";

/**
 * One large mailbox, in a process of its own: `node --expose-gc large-mailbox.ts STEP DIRECTORY MESSAGES`.
 * Prints a JSON object of numbers.
 */
const [, , step = "", directory = "", wanted = "100000"] = process.argv;
const messages = Number(wanted);
const ref = { id: "bench-large", address: "large@example.test" };
const accountPath = join(directory, "example.test", "large");
const store = await openMailStore({
  mailDirectory: directory,
  messageBytesMax: 1024 * 1024,
  host: "mx.example.test",
  log: (text) => process.stderr.write(`${text}\n`),
});
const account = await store.openAccount(ref);
const loop = monitorEventLoopDelay({ resolution: 1 });
loop.enable();

const steps: Record<string, () => Promise<Record<string, number>>> = {
  fill: () => fill(account),
  open: () => open(account),
  flags: () => flags(account),
  expunge: () => expunge(account),
  append: () => append(account),
};
const run = steps[step];
if (run === undefined) throw new Error(`There is no step "${step}"`);
console.log(JSON.stringify(await run()));
await store[Symbol.asyncDispose]();
if (step === "fill") console.log(JSON.stringify({ indexBytes: indexBytes() / messages }));

async function fill(to: AccountMail): Promise<Record<string, number>> {
  const octets = benchMessage(512);
  let left = messages;
  const fillSome = async () => {
    while (left > 0) {
      const count = Math.min(50, left);
      left -= count;
      await to.append(
        "INBOX",
        Array.from({ length: count }, () => ({ octets: [octets] })),
      );
    }
  };
  const { ms } = await timed(() => Promise.all(Array.from({ length: 8 }, fillSome)));
  // The first opening reads rows, and leaves the index warm.
  await using inbox = await to.openMailbox("INBOX");
  if (inbox.columns.length !== messages) throw new Error(`${inbox.columns.length} messages`);
  return { fillMs: ms };
}

async function open(from: AccountMail): Promise<Record<string, number>> {
  const before = memoryBytes();
  const cold = await timed(() => from.openMailbox("INBOX"));
  const sharedMs: number[] = [];
  for (let time = 0; time < 20; time += 1) {
    const again = await timed(() => from.openMailbox("INBOX"));
    sharedMs.push(again.ms);
  }
  return {
    coldMs: cold.ms,
    coldLoopMs: cold.loopMs,
    sharedMs: sharedMs.sort((a, b) => a - b)[10] ?? Number.NaN,
    memoryMib: (memoryBytes() - before) / 1024 / 1024,
  };
}

/** \Seen on all, and \Flagged, which no counter depends on, off again; and what bare renames take. */
async function flags(from: AccountMail): Promise<Record<string, number>> {
  await using inbox = await from.openMailbox("INBOX");
  const bareMs = await bareRenames(inbox);
  const uids = [...inbox.columns.uids] as Uid[];
  const watched = from.onChange(() => undefined);
  const seen = await timed(() =>
    inbox.changeFlags(uids, { mode: "add", systemFlags: ["\\Seen"], keywords: [] }),
  );
  const { columns } = inbox;
  const sync = await timed(() => inbox.sync(columns));
  watched[Symbol.dispose]();
  const flagged = await timed(() =>
    inbox.changeFlags(uids, { mode: "add", systemFlags: ["\\Flagged"], keywords: [] }),
  );
  return {
    bareMs,
    seenMs: seen.ms,
    seenLoopMs: seen.loopMs,
    flaggedMs: flagged.ms,
    syncLoopMs: sync.loopMs,
  };
}

/** As many files with names as long, in one directory of the same disk, each renamed once. */
async function bareRenames(inbox: Mailbox): Promise<number> {
  const bare = join(directory, "bare");
  await mkdir(bare);
  const [name = ""] = readdirSync(join(accountPath, "cur"));
  const nameOf = (at: number) => join(bare, `${String(at).padStart(10, "0")}${name.slice(10)}`);
  for (let at = 0; at < inbox.columns.length; at += 1) await writeFile(nameOf(at), "x");
  const startMs = performance.now();
  for (let at = 0; at < inbox.columns.length; at += 1) renameSync(nameOf(at), `${nameOf(at)}S`);
  return performance.now() - startMs;
}

async function expunge(from: AccountMail): Promise<Record<string, number>> {
  await using inbox = await from.openMailbox("INBOX");
  const uids = [...inbox.columns.uids].filter((_uid, at) => at % 3 === 0) as Uid[];
  const copied = await timed(() => inbox.copy(uids, "Archive"));
  const expunged = await timed(() => inbox.expunge(uids));
  return {
    copyMs: copied.ms,
    copyLoopMs: copied.loopMs,
    expungeMs: expunged.ms,
    expungeLoopMs: expunged.loopMs,
  };
}

/** 16 at once, each a job of its own, into a mailbox that is small. */
async function append(to: AccountMail): Promise<Record<string, number>> {
  const octets = benchMessage(4096);
  let left = messages;
  const appendSome = async () => {
    while (left-- > 0) await to.append("Sent", [{ octets: [octets] }]);
  };
  const { ms, loopMs } = await timed(() => Promise.all(Array.from({ length: 16 }, appendSome)));
  return { perSecond: (messages * 1000) / ms, appendLoopMs: loopMs };
}

interface Timed<Result> {
  readonly result: Result;
  readonly ms: number;
  /** The longest that the event loop stood still meanwhile. */
  readonly loopMs: number;
}

async function timed<Result>(work: () => Promise<Result>): Promise<Timed<Result>> {
  await delay(20);
  loop.reset();
  const startMs = performance.now();
  const result = await work();
  const ms = performance.now() - startMs;
  await delay(5);
  return { result, ms, loopMs: longestMs(loop) };
}

/** The histogram measures from one timer to the next, which are 1 ms apart when all is well. */
function longestMs({ max }: { readonly max: number }): number {
  return max / 1e6 - 1;
}

function memoryBytes(): number {
  globalThis.gc?.();
  globalThis.gc?.();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

function indexBytes(): number {
  return ["", "-wal"].reduce((sum, suffix) => {
    const size = statSync(join(accountPath, `index.sqlite${suffix}`), {
      throwIfNoEntry: false,
    })?.size;
    return sum + (size ?? 0);
  }, 0);
}
