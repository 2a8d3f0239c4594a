import { closeSync, openSync, renameSync, statSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import { limits } from "../limits.ts";
import { errnoOf, fileMode } from "../maildir/durable-file.ts";
import { isDamage } from "./damage.ts";
import { prepareSchema, UnusableIndex } from "./migrations.ts";
import { cacheSchema } from "./schema.ts";
import { stateOfWal } from "./wal-damage.ts";

export const indexFileName = "index.sqlite";

/**
 * Opens the index for writing, in the writer thread only. One of an older version is led to ours; one
 * that is damaged is set aside and a new one begun, which the files then fill; `setAside` says why.
 */
export function openIndexForWriting(accountPath: string): {
  readonly database: Database.Database;
  readonly setAside: string | undefined;
} {
  const path = join(accountPath, indexFileName);
  try {
    return { database: openAsItIs(path), setAside: undefined };
  } catch (error) {
    if (!(error instanceof UnusableIndex) && !isDamage(error)) throw error;
    const name = setIndexAside(accountPath);
    return {
      database: openAsItIs(path),
      setAside: `Set aside the index of "${accountPath}" as ${name}: ${(error as Error).message}`,
    };
  }
}

/** Renames it and its WAL out of the way. Never opens it: closing the file would drop SQLite's locks. */
export function setIndexAside(accountPath: string): string {
  const name = `${indexFileName}.damaged-${Date.now()}`;
  for (const suffix of ["", "-wal", "-shm"]) {
    try {
      renameSync(join(accountPath, indexFileName + suffix), join(accountPath, name + suffix));
    } catch (error) {
      if (errnoOf(error) !== "ENOENT") throw error;
    }
  }
  return name;
}

/** Opens the index for reading, on the event loop: it never waits for a lock. */
export function openIndexForReading(accountPath: string): Database.Database {
  const database = new Database(join(accountPath, indexFileName), {
    readonly: true,
    fileMustExist: true,
    timeout: 0,
  });
  database.pragma("cache_size = -256");
  return database;
}

/** Names the file that is there now: another one means that somebody began anew. */
export function indexIdentity(accountPath: string): string {
  const { dev, ino } = statSync(join(accountPath, indexFileName));
  return `${dev}:${ino}`;
}

function openAsItIs(path: string): Database.Database {
  makeWithOurMode(path);
  const database = new Database(path, { timeout: limits.lockWaitMs });
  try {
    database.pragma("journal_mode = WAL");
    // The build's own default for WAL is NORMAL, which loses the last commits with the power.
    database.pragma("synchronous = FULL");
    database.pragma("cache_size = -1024");
    database.pragma("foreign_keys = OFF");
    checkWal(database);
    prepareSchema(database);
    database.exec(cacheSchema);
    nameIndex(database);
    database.prepare("SELECT count(*) FROM mailboxes").get();
    // From here on the writer waits itself, or does something else meanwhile.
    database.pragma("busy_timeout = 0");
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/** Under the write lock, which keeps other processes from writing into the log meanwhile. */
function checkWal(database: Database.Database): void {
  database
    .transaction(() => {
      const state = stateOfWal(`${database.name}-wal`);
      if (state === "damaged") throw new UnusableIndex("its write-ahead log is damaged");
      if (state === "torn" && hasMailboxes(database)) skipModSeqs(database);
    })
    .immediate();
}

function hasMailboxes(database: Database.Database): boolean {
  const sql = "SELECT count(*) FROM sqlite_schema WHERE name = 'mailboxes'";
  return database.prepare(sql).pluck().get() === 1;
}

/** Says for good which index this is: the device and inode of its file change with the disk it lies on. */
function nameIndex(database: Database.Database): void {
  const name = database.prepare("SELECT value FROM about WHERE name = 'id'");
  if (name.get() !== undefined) return;
  // Another process may be first.
  database.exec("INSERT OR IGNORE INTO about VALUES ('id', lower(hex(randomblob(16))))");
}

/**
 * The last transaction is lost. A power failure has torn it before anybody was told; but should it be
 * damage of later, its modseqs were seen, and are not given again. Its UIDs stand in dovecot-uidlist.
 */
function skipModSeqs(database: Database.Database): void {
  database
    .prepare(
      "UPDATE mailboxes SET highestModSeq = highestModSeq + ?, newMtime = '', uidListSeen = ''",
    )
    .run(limits.jobsPerCommit);
}

/** SQLite would make it 0644; -wal and -shm take the mode from it. */
function makeWithOurMode(path: string): void {
  try {
    closeSync(openSync(path, "wx", fileMode));
  } catch (error) {
    if (errnoOf(error) !== "EEXIST") throw error;
  }
}
