import { parentPort, workerData } from "node:worker_threads";
import { armCrashPoint } from "../crash-point.ts";
import { limits } from "../limits.ts";
import { makeLinkSource, releaseLinkSource } from "../maildir/dotlock.ts";
import { ensureAccount } from "./account-tree.ts";
import {
  AccountWriter,
  asStoreError,
  failure,
  removeTree,
  type StartedBatch,
  syncAll,
} from "./account-writer.ts";
import { runsAlone } from "./job-table.ts";
import type { BatchReply, JobRequest, Jobs, WriterMessage, WriterOptions } from "./jobs.ts";
import { MailRoot } from "./mail-root.ts";

/**
 * A thread that writes, the only one of its process for its accounts: nothing here runs on the event
 * loop of the servers. What arrives while one commit is under way shares the next, account by account: under load the cost of a
 * commit is spread, and alone a job waits for nobody.
 */
const options = workerData as WriterOptions;
armCrashPoint(options.crashAt);
makeLinkSource(options.mailDirectory);
const mailRoot = new MailRoot(options.mailDirectory, options.mailRootIdentity);

const waiting = new Map<string, JobRequest[]>();
/** In the order of last use. */
const writers = new Map<string, AccountWriter>();
/** Since closeIdle() was called last. */
const usedLately = new Set<string>();
let isScheduled = false;
setInterval(closeIdle, limits.restMs).unref();

parentPort?.on("message", (request: JobRequest | "close") => {
  if (request === "close") {
    runWaiting();
    closeAll();
    return;
  }
  const queue = waiting.get(request.accountPath);
  if (queue === undefined) waiting.set(request.accountPath, [request]);
  else queue.push(request);
  if (!isScheduled) {
    isScheduled = true;
    // After all messages that have arrived by now.
    setImmediate(runWaiting);
  }
});

function runWaiting(): void {
  isScheduled = false;
  const queues = [...waiting].sort(([a], [b]) => (a < b ? -1 : 1));
  waiting.clear();
  const batches = queues.map(([, requests]) => [...shareable(requests)]);
  const together: Batch[] = [];
  const after: Batch[] = [];
  for (const [at, all] of batches.entries()) {
    const accountPath = queues[at]?.[0] ?? "";
    for (const [nth, requests] of all.entries()) {
      const isShared =
        nth === 0 && !isAlone(requests[0]) && together.length < limits.accountsPerSync;
      (isShared ? together : after).push({ accountPath, requests });
    }
  }
  after.unshift(...runTogether(together));
  for (const { accountPath, requests } of after)
    post({ kind: "reply", reply: runBatch(accountPath, requests) });
}

interface Batch {
  readonly accountPath: string;
  readonly requests: readonly JobRequest[];
}

/**
 * First all accounts' files are put in place, then all directories synced, then all indexes committed:
 * the first sync writes the file system's journal for all of them, and the others find nothing to do.
 * In the order of paths, as in every process, so that no two wait for each other. Gives those that could
 * not be started.
 */
function runTogether(batches: readonly Batch[]): Batch[] {
  if (batches.length < 2) return [...batches];
  const started: { readonly writer: AccountWriter; readonly batch: StartedBatch }[] = [];
  const left: Batch[] = [];
  for (const one of batches) {
    const writer = tryToOpen(one.accountPath);
    const batch = writer?.start(one.requests);
    if (writer === undefined || batch === undefined) left.push(one);
    else started.push({ writer, batch });
  }
  const synced = started.map((one) => ({ ...one, error: syncAll(one.batch) }));
  for (const { writer, batch, error } of synced) {
    const reply = writer.finish(batch, error);
    if (reply === undefined) left.push({ accountPath: writer.path, requests: batch.requests });
    else post({ kind: "reply", reply });
  }
  return left;
}

/** Why it cannot be opened is told when it is its own turn. */
function tryToOpen(accountPath: string): AccountWriter | undefined {
  try {
    return writerOf(accountPath);
  } catch {
    return undefined;
  }
}

function isAlone(request: JobRequest | undefined): boolean {
  return request !== undefined && (runsAlone(request.name) || request.name === "removeAccount");
}

/** Splits where a job must be alone, in order. */
function* shareable(requests: readonly JobRequest[]): Generator<readonly JobRequest[]> {
  let batch: JobRequest[] = [];
  for (const request of requests) {
    if (batch.length > 0 && (isAlone(request) || batch.length >= limits.jobsPerCommit)) {
      yield batch;
      batch = [];
    }
    if (isAlone(request)) yield [request];
    else batch.push(request);
  }
  if (batch.length > 0) yield batch;
}

function runBatch(accountPath: string, requests: readonly JobRequest[]): BatchReply {
  const [first] = requests;
  try {
    if (first?.name === "removeAccount") return removeAccount(first);
    const { accountId = "", format = "maildir" } = (first?.args ?? {}) as Partial<
      Jobs["open"]["args"]
    >;
    const isNew =
      first?.name === "open" && ensureAccount(accountPath, { accountId, format }, mailRoot);
    const reply = writerOf(accountPath).run(requests);
    return first?.name === "open" ? withResult(reply, { isNew }) : reply;
  } catch (error) {
    return {
      accountPath,
      indexIdentity: undefined,
      hasChanged: false,
      outcomes: requests.map(({ number, name }) =>
        failure(number, asStoreError(error, name, accountPath)),
      ),
    };
  }
}

function withResult(reply: BatchReply, result: Jobs["open"]["result"]): BatchReply {
  const outcomes = reply.outcomes.map((outcome) =>
    "code" in outcome ? outcome : { number: outcome.number, result },
  );
  return { ...reply, outcomes };
}

function removeAccount(request: JobRequest): BatchReply {
  const { accountPath } = request;
  writers.get(accountPath)?.close();
  writers.delete(accountPath);
  removeTree(accountPath);
  return {
    accountPath,
    indexIdentity: undefined,
    hasChanged: true,
    outcomes: [{ number: request.number, result: undefined }],
  };
}

function writerOf(accountPath: string): AccountWriter {
  const writer =
    writers.get(accountPath) ??
    new AccountWriter(accountPath, options, (text) => post({ kind: "log", text }));
  writers.delete(accountPath);
  writers.set(accountPath, writer);
  usedLately.add(accountPath);
  const oldest = writers.keys().next().value;
  if (writers.size > limits.openIndexesMax && oldest !== undefined) {
    writers.get(oldest)?.close();
    writers.delete(oldest);
  }
  return writer;
}

/** An index that is open takes some 300 KiB. */
function closeIdle(): void {
  for (const [accountPath, writer] of writers) {
    if (usedLately.has(accountPath)) continue;
    writer.close();
    writers.delete(accountPath);
  }
  usedLately.clear();
}

function closeAll(): void {
  for (const writer of writers.values()) writer.close();
  writers.clear();
  releaseLinkSource();
  parentPort?.close();
}

function post(message: WriterMessage): void {
  parentPort?.postMessage(message);
}
