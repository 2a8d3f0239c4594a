import { closeSync, existsSync, fsyncSync, openSync, renameSync, rmSync, statSync } from "node:fs";
import { dirname } from "node:path";
import Database from "better-sqlite3";

/** The database cannot be used; the message is one sentence for the administrator. */
export class DatabaseError extends Error {
  override readonly name = "DatabaseError";
  /** The mark of @posthouse/service: no stack in the log. */
  readonly isForOperator = true;
}

/** Takes a database from one version to the next; the first makes version 1 out of nothing. */
export type Migration = string;

/**
 * Opens a database of auth, making or migrating it.
 *
 *   state   PATH.new   PATH    after a crash here
 *   O1      -          -       made at the next start
 *   O2      partial    -       PATH.new is thrown away, and made at the next start
 *   O3      whole      -       the same: nobody has written to it
 *   O4      -          whole   opened
 *
 * So PATH is never there without its tables, and an empty or broken PATH is damage, which is reported
 * and never overwritten. A migration is one transaction: it happened or it did not.
 *
 * Reads and writes are synchronous. Reads are index lookups of microseconds; writes are single rows,
 * made by an administrator or gathered, and wait for one fsync.
 *
 * @throws DatabaseError
 */
export function openDatabase(
  path: string,
  options: {
    readonly what: string;
    readonly mode: number;
    readonly migrations: readonly Migration[];
  },
): Database.Database {
  try {
    if (!existsSync(path)) create(path, options);
    if (statSync(path).size === 0) throw new Error("the file is empty");
    const database = connect(path);
    try {
      check(database);
      migrate(database, options.migrations);
    } catch (error) {
      database.close();
      throw error;
    }
    return database;
  } catch (cause) {
    throw new DatabaseError(sentence(path, options.what, cause as Error), { cause });
  }
}

/** A database of auth as of one moment, also while auth writes to it: for backups. */
export function databaseOctets(path: string): Buffer {
  const database = new Database(path, { fileMustExist: true, readonly: true, timeout: 10_000 });
  try {
    return database.serialize();
  } finally {
    database.close();
  }
}

function create(
  path: string,
  { mode, migrations }: { readonly mode: number; readonly migrations: readonly Migration[] },
): void {
  const fresh = `${path}.new`;
  for (const leftover of [fresh, `${fresh}-wal`, `${fresh}-shm`]) rmSync(leftover, { force: true });
  // Made by us first, so that SQLite's files (-wal, -shm) take this mode too.
  closeSync(openSync(fresh, "wx", mode));
  const database = connect(fresh);
  database.exec("CREATE TABLE schema_version (version INTEGER NOT NULL) STRICT");
  database.exec("INSERT INTO schema_version VALUES (0)");
  migrate(database, migrations);
  database.pragma("wal_checkpoint(TRUNCATE)");
  database.close();
  renameSync(fresh, path);
  const directory = openSync(dirname(path), "r");
  fsyncSync(directory);
  closeSync(directory);
}

function connect(path: string): Database.Database {
  const database = new Database(path, { fileMustExist: true, timeout: 2000 });
  database.pragma("journal_mode = WAL");
  // better-sqlite3 builds SQLite with NORMAL for WAL, which may lose the last commits.
  database.pragma("synchronous = FULL");
  database.pragma("foreign_keys = ON");
  return database;
}

function check(database: Database.Database): void {
  const result = database.pragma("quick_check(1)", { simple: true });
  if (result !== "ok") throw new Error(String(result));
}

function migrate(database: Database.Database, migrations: readonly Migration[]): void {
  const run = database.transaction(() => {
    const version = database
      .prepare<[], number>("SELECT version FROM schema_version")
      .pluck()
      .get();
    if (version === undefined) throw new Error("its version is missing");
    if (version > migrations.length) {
      throw new NewerVersion(`it is of version ${version}, made by a newer Posthouse`);
    }
    for (const migration of migrations.slice(version)) database.exec(migration);
    database.prepare("UPDATE schema_version SET version = ?").run(migrations.length);
  });
  run.immediate();
}

class NewerVersion extends Error {}

function sentence(path: string, what: string, cause: Error & { readonly code?: string }): string {
  const reason = cause.message;
  if (cause instanceof NewerVersion) return `Cannot open the ${what} "${path}": ${reason}`;
  switch (cause.code ?? "") {
    case "SQLITE_BUSY":
    case "SQLITE_LOCKED":
      return `Cannot open the ${what} "${path}": another program is writing to it`;
    case "SQLITE_CANTOPEN":
    case "EACCES":
    case "EPERM":
      return `Cannot open the ${what} "${path}": this user may not read and write it and its directory`;
    case "ENOENT":
      return `Cannot make the ${what} "${path}": its directory does not exist`;
    case "ENOSPC":
    case "SQLITE_FULL":
      return `Cannot open the ${what} "${path}": the disk is full`;
    default:
      return `Cannot open the ${what} "${path}": it is damaged (${reason}); it was left as it is, restore it from a backup`;
  }
}
