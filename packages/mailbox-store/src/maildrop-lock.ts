import { closeSync, openSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import { errnoOf, fileMode } from "./maildir/durable-file.ts";
import { StoreError } from "./store-error.ts";

const lockName = "posthouse-maildrop.lock";

/**
 * The lock of RFC 1939 §3: a transaction held in a database that holds nothing. The kernel ends it with
 * the process, whatever way that dies; a lock file would stay. Asking never waits.
 */
export function lockMaildrop(accountPath: string): AsyncDisposable | undefined {
  return lockByTransaction(join(accountPath, lockName));
}

/** undefined when another has it. */
export function lockByTransaction(path: string): AsyncDisposable | undefined {
  let database: Database.Database | undefined;
  try {
    makeWithOurMode(path);
    database = new Database(path, { timeout: 0 });
    // Nothing is ever written, and so a full disk keeps nobody from reading his mail.
    database.pragma("journal_mode = MEMORY");
    database.exec("BEGIN IMMEDIATE");
    const held = database;
    return {
      async [Symbol.asyncDispose](): Promise<void> {
        if (held.inTransaction) held.exec("ROLLBACK");
        held.close();
      },
    };
  } catch (error) {
    database?.close();
    if ((error as { code?: unknown }).code === "SQLITE_BUSY") return undefined;
    throw new StoreError("unavailable", `Cannot lock "${path}": ${(error as Error).message}`, {
      cause: error,
    });
  }
}

function makeWithOurMode(path: string): void {
  try {
    closeSync(openSync(path, "wx", fileMode));
  } catch (error) {
    if (errnoOf(error) !== "EEXIST") throw error;
  }
}
