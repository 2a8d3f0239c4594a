import {
  closeSync,
  existsSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
} from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import { crashPoint } from "../crash-point.ts";
import { isDamage } from "../index/damage.ts";
import { errnoOf, fileMode } from "../maildir/durable-file.ts";
import { lockByTransaction } from "../maildrop-lock.ts";
import { searchSchema, searchSchemaVersion } from "./search-schema.ts";

export const searchFileName = "search.sqlite";
const damagedPrefix = `${searchFileName}.damaged-`;

/**
 * The right to write search.sqlite, to make it and to set it aside: one process has it at a time, for as
 * long as it fills, and the kernel takes it back with the process. undefined when another has it.
 */
export function lockSearchText(accountPath: string): AsyncDisposable | undefined {
  return lockByTransaction(join(accountPath, "posthouse-search.lock"));
}

/** Names the file that is there; undefined when there is none. */
export function searchIdentity(accountPath: string): string | undefined {
  try {
    const { dev, ino } = statSync(join(accountPath, searchFileName));
    return `${dev}:${ino}`;
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw error;
  }
}

/** For reading, in the search thread. Throws when it is of another version, damaged, or cannot be read now. */
export function openSearchForReading(accountPath: string): Database.Database {
  const database = new Database(join(accountPath, searchFileName), {
    readonly: true,
    fileMustExist: true,
    timeout: 1_000,
  });
  try {
    database.pragma("cache_size = -1024");
    if (versionOf(database) !== searchSchemaVersion) throw new UnusableSearchText();
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/** For writing, under the lock. One that is damaged or of another version is set aside and begun anew. */
export function openSearchForWriting(
  accountPath: string,
  log: (text: string) => void,
): Database.Database {
  try {
    return openAsItIs(accountPath);
  } catch (error) {
    if (!isSearchDamage(error)) throw error;
    setSearchAside(accountPath, error, log);
    return openAsItIs(accountPath);
  }
}

export function isSearchDamage(error: unknown): boolean {
  const code = (error as { code?: unknown }).code;
  const isBroken = typeof code === "string" && /^Z_|^SQLITE_ERROR$/.test(code);
  return error instanceof UnusableSearchText || isDamage(error) || isBroken;
}

/** Under the lock. What was set aside before goes: it is as large as the mail, and says nothing new. */
export function setSearchAside(
  accountPath: string,
  reason: unknown,
  log: (text: string) => void,
): void {
  for (const name of readdirSync(accountPath)) {
    if (name.startsWith(damagedPrefix)) rmSync(join(accountPath, name), { force: true });
  }
  const name = damagedPrefix + Date.now();
  for (const suffix of ["", "-wal", "-shm"]) {
    try {
      renameSync(join(accountPath, searchFileName + suffix), join(accountPath, name + suffix));
    } catch (error) {
      if (errnoOf(error) !== "ENOENT") throw error;
    }
  }
  log(`Set aside the search text of "${accountPath}" as ${name}: ${(reason as Error).message}`);
}

class UnusableSearchText extends Error {
  constructor() {
    super("it is of another version");
  }
}

function openAsItIs(accountPath: string): Database.Database {
  const path = join(accountPath, searchFileName);
  makeIfGone(path);
  const database = new Database(path, { timeout: 1_000 });
  try {
    database.pragma("journal_mode = WAL");
    // Power that fails takes the last messages out of it again, and no more.
    database.pragma("synchronous = NORMAL");
    database.pragma("cache_size = -8192");
    const isEmpty = database.prepare("SELECT count(*) FROM sqlite_schema").pluck().get() === 0;
    if (isEmpty) database.transaction(() => database.exec(searchSchema)).immediate();
    if (versionOf(database) !== searchSchemaVersion) throw new UnusableSearchText();
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/**
 * Somebody may have deleted the database alone, with its log beside it: SQLite would read that into the new
 * one. Nobody makes one but under the lock, and whoever still reads the old one has its log open.
 */
function makeIfGone(path: string): void {
  if (existsSync(path)) return;
  for (const suffix of ["-wal", "-shm"]) rmSync(path + suffix, { force: true });
  crashPoint("T1");
  closeSync(openSync(path, "wx", fileMode));
  crashPoint("T2");
}

function versionOf(database: Database.Database): number {
  return Number(database.pragma("user_version", { simple: true }));
}
