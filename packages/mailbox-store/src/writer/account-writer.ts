import { closeSync, existsSync, openSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import type Database from "better-sqlite3";
import { crashPoint } from "../crash-point.ts";
import { ExpungedKeeper } from "../expunged/expunged-keeper.ts";
import { DamagedIndex, isDamage } from "../index/damage.ts";
import { indexIdentity, openIndexForWriting, setIndexAside } from "../index/index-file.ts";
import { limits } from "../limits.ts";
import { sleepInThread } from "../maildir/dotlock.ts";
import { errnoOf, fileMode } from "../maildir/durable-file.ts";
import { LockedError, StoreError } from "../store-error.ts";
import { markerName } from "./account-tree.ts";
import { finishBatch, isBatchLeft } from "./batch-journal.ts";
import { jobOf } from "./job-table.ts";
import { tidyAccount } from "./jobs/open.ts";
import type { BatchReply, JobOutcome, JobRequest, WriterOptions } from "./jobs.ts";
import { prepareStatements, type Statements } from "./statements.ts";
import { Transaction } from "./transaction.ts";

/** Jobs that are done but for the disk. */
export interface StartedBatch {
  readonly transaction: Transaction;
  readonly requests: readonly JobRequest[];
  readonly outcomes: readonly JobOutcome[];
}

/** One account's database in the writer thread, and the transactions on it. */
export class AccountWriter {
  readonly path: string;
  readonly #host: string;
  readonly #expunged: ExpungedKeeper;
  readonly #log: (text: string) => void;
  #database: Database.Database;
  #statements: Statements;
  #identity: string;
  #marker: number | undefined;

  constructor(
    path: string,
    options: Pick<WriterOptions, "host" | "expungedDays">,
    log: (text: string) => void,
  ) {
    this.path = path;
    this.#host = options.host;
    this.#expunged = new ExpungedKeeper(path, options.expungedDays);
    this.#log = log;
    if (!existsSync(path)) {
      throw new StoreError("not-found", `There is no account at "${path}"`);
    }
    const { database, setAside } = openIndexForWriting(path);
    if (setAside !== undefined) log(setAside);
    this.#database = database;
    this.#statements = prepareStatements(database);
    this.#identity = indexIdentity(path);
  }

  /**
   * Runs these jobs in one transaction and says what became of each. A job that fails does so alone; a
   * commit that fails fails them all.
   */
  run(requests: readonly JobRequest[]): BatchReply {
    for (let attempt = 1; ; attempt += 1) {
      try {
        const batch = this.#start(requests, limits.lockWaitMs);
        return this.#commit(batch, syncAll(batch));
      } catch (error) {
        if (!isDamage(error) || attempt > 1) return this.#allFailed(requests, error);
        this.#beginAnew(error);
      }
    }
  }

  /**
   * Does all but making it durable; undefined when another process has the account, or something is
   * wrong with it: then run() is for it. Whoever starts batches of several accounts does so in one order
   * of accounts, the same in every process.
   */
  start(requests: readonly JobRequest[]): StartedBatch | undefined {
    try {
      return this.#start(requests, 0);
    } catch {
      return undefined;
    }
  }

  /**
   * Commits what start() began, unless its directories could not be synced; undefined when the index
   * turned out to be damaged, and run() is to do all of it anew.
   */
  finish(batch: StartedBatch, syncError: Error | undefined): BatchReply | undefined {
    try {
      return this.#commit(batch, syncError);
    } catch (error) {
      if (isDamage(error)) return undefined;
      return this.#allFailed(batch.requests, error);
    }
  }

  close(): void {
    this.#database.close();
    if (this.#marker !== undefined) closeSync(this.#marker);
    this.#marker = undefined;
  }

  #start(requests: readonly JobRequest[], waitMs: number): StartedBatch {
    this.#reopenIfReplaced();
    this.#begin(waitMs);
    while (isBatchLeft(this.path)) {
      this.#finishBatch();
      this.#begin(waitMs);
    }
    const transaction = this.#newTransaction();
    try {
      if (this.#isEmpty()) tidyAccount(transaction);
      const outcomes = requests.map((request) => this.#runJob(transaction, request));
      transaction.writePlainFiles();
      return { transaction, requests, outcomes };
    } catch (error) {
      this.#rollBack(transaction);
      throw error;
    }
  }

  /** In a transaction of its own: the journal is needed until that is committed. */
  #finishBatch(): void {
    const transaction = this.#newTransaction();
    try {
      finishBatch(transaction);
      transaction.writePlainFiles();
    } catch (error) {
      this.#rollBack(transaction);
      throw error;
    }
    const batch = { transaction, requests: [], outcomes: [] };
    this.#commit(batch, syncAll(batch));
  }

  #newTransaction(): Transaction {
    return new Transaction(this.path, this.#statements, {
      host: this.#host,
      expunged: this.#expunged,
      log: this.#log,
    });
  }

  #commit(batch: StartedBatch, syncError: Error | undefined): BatchReply {
    const { transaction, requests, outcomes } = batch;
    try {
      if (syncError !== undefined) throw syncError;
      crashPoint("commit", requests[0]?.name);
      this.#statements.commit.run();
    } catch (error) {
      this.#rollBack(transaction);
      throw error;
    }
    crashPoint("committed", requests[0]?.name);
    transaction.committed();
    if (transaction.hasChanged) this.#touchMarker();
    return {
      accountPath: this.path,
      indexIdentity: this.#identity,
      hasChanged: transaction.hasChanged,
      outcomes,
    };
  }

  /** SQLite's own waiting cannot be switched for one statement, so that it is ours. */
  #begin(waitMs: number): void {
    const deadline = Date.now() + waitMs;
    for (;;) {
      try {
        this.#statements.begin.run();
        return;
      } catch (error) {
        const isBusy = (error as { code?: unknown }).code === "SQLITE_BUSY";
        if (!isBusy || Date.now() >= deadline) throw error;
        sleepInThread(2);
      }
    }
  }

  #rollBack(transaction: Transaction): void {
    transaction.rollBack();
    if (this.#database.inTransaction) this.#statements.rollback.run();
  }

  #runJob(transaction: Transaction, request: JobRequest): JobOutcome {
    try {
      return { number: request.number, result: transaction.runJob(jobOf(request)) };
    } catch (error) {
      // What SQLite itself could not do concerns the whole transaction.
      if (isDamage(error) || !this.#database.inTransaction) throw error;
      this.#refuseIfContradictory(error);
      return failure(request.number, asStoreError(error, request.name, this.path));
    }
  }

  /** What a constraint refuses our code has looked for before: a table and its index disagree. */
  #refuseIfContradictory(error: unknown): void {
    if (!String((error as { code?: unknown }).code).startsWith("SQLITE_CONSTRAINT")) return;
    const finding = String(this.#database.pragma("integrity_check(1)", { simple: true }));
    if (finding !== "ok") throw new DamagedIndex(finding);
  }

  #allFailed(requests: readonly JobRequest[], error: unknown): BatchReply {
    return {
      accountPath: this.path,
      indexIdentity: this.#identity,
      hasChanged: false,
      outcomes: requests.map(({ number, name }) =>
        failure(number, asStoreError(error, name, this.path)),
      ),
    };
  }

  #isEmpty(): boolean {
    return this.#statements.mailboxByFolder.get("") === undefined;
  }

  /** Another process may have set a damaged index aside: its new one is where the others are now. */
  #reopenIfReplaced(): void {
    const now = this.#identityNow();
    // Closed: when it was opened anew, there was nothing to open, as while the disk was unmounted.
    if (now !== this.#identity || !this.#database.open) this.#reopen();
  }

  #identityNow(): string | undefined {
    try {
      return indexIdentity(this.path);
    } catch (error) {
      if (errnoOf(error) !== "ENOENT") throw error;
      return undefined;
    }
  }

  #beginAnew(error: unknown): void {
    this.#database.close();
    if (this.#identityNow() === this.#identity) {
      const name = setIndexAside(this.path);
      this.#log(`Set aside the index of "${this.path}" as ${name}: ${(error as Error).message}`);
    }
    this.#reopen();
  }

  #reopen(): void {
    this.#database.close();
    const { database, setAside } = openIndexForWriting(this.path);
    if (setAside !== undefined) this.#log(setAside);
    this.#database = database;
    this.#statements = prepareStatements(database);
    this.#identity = indexIdentity(this.path);
  }

  /** Written in place, never replaced: whoever watches it, watches this very file. */
  #touchMarker(): void {
    try {
      this.#marker ??= openMarker(join(this.path, markerName));
      const octets = Buffer.alloc(8);
      octets.writeBigUInt64BE(process.hrtime.bigint());
      writeSync(this.#marker, octets, 0, 8, 0);
    } catch (error) {
      // The change itself is durable; the others see it with their next command.
      this.#log(`Cannot write the marker of "${this.path}": ${(error as Error).message}`);
    }
  }
}

/** Its directories on disk, or why not. */
export function syncAll(batch: StartedBatch): Error | undefined {
  try {
    batch.transaction.syncDirectories();
    return undefined;
  } catch (error) {
    return error as Error;
  }
}

/** Removes a whole account; whoever has it open finds nothing there. */
export function removeTree(accountPath: string): void {
  rmSync(accountPath, { recursive: true, force: true, maxRetries: 3 });
}

export function failure(number: number, error: StoreError): JobOutcome {
  return {
    number,
    code: error.code,
    message: error.message,
    isLocked: error instanceof LockedError,
  };
}

/** Whatever the disk or SQLite could not do may pass: the sender keeps the message and tries again. */
export function asStoreError(error: unknown, tried: string, accountPath: string): StoreError {
  if (error instanceof StoreError) return error;
  const reason = error instanceof Error ? error.message : String(error);
  return new StoreError("unavailable", `Cannot ${tried} in "${accountPath}": ${reason}`);
}

function openMarker(path: string): number {
  try {
    return openSync(path, "r+");
  } catch (error) {
    if (errnoOf(error) !== "ENOENT") throw error;
    return openSync(path, "a+", fileMode);
  }
}
