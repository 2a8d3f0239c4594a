import { chmodSync, renameSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import Database from "better-sqlite3";
import { fileMode, syncDirectory } from "../maildir/durable-file.ts";
import { StoreError } from "../store-error.ts";
import { schema, schemaVersion } from "./schema.ts";

/** What leads from the version before to this one. A step is never changed once it was released. */
export const migrations: readonly { readonly to: number; readonly sql: string }[] = [
  {
    to: 2,
    sql: `
      ALTER TABLE mailboxes ADD COLUMN mailboxFileSeen TEXT NOT NULL DEFAULT '';
      ALTER TABLE mailboxes ADD COLUMN historyModSeq INTEGER NOT NULL DEFAULT 0;
      -- How far back the old index's history goes, nobody noted.
      UPDATE mailboxes SET historyModSeq = highestModSeq;
      ALTER TABLE details ADD COLUMN crc INTEGER NOT NULL DEFAULT -1;
      CREATE TABLE annotations (
        mailbox INTEGER NOT NULL, user TEXT NOT NULL, entry TEXT NOT NULL, value BLOB NOT NULL,
        PRIMARY KEY (mailbox, user, entry)
      ) STRICT, WITHOUT ROWID;
      CREATE TABLE rights (
        mailbox INTEGER NOT NULL, identifier TEXT NOT NULL, rights TEXT NOT NULL,
        PRIMARY KEY (mailbox, identifier)
      ) STRICT, WITHOUT ROWID;
      CREATE TABLE about (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
      INSERT INTO about VALUES ('version', '2');
      DROP TRIGGER messageFlagged;
      CREATE TRIGGER messageFlagged AFTER UPDATE OF flags, size ON messages
      WHEN (old.flags & 44) <> (new.flags & 44) OR old.size <> new.size BEGIN
        UPDATE mailboxes SET bytes = bytes - old.size + new.size,
          unseen = unseen - ((old.flags & 8) = 0) + ((new.flags & 8) = 0),
          deleted = deleted - ((old.flags & 4) <> 0) + ((new.flags & 4) <> 0),
          recent = recent - ((old.flags & 32) <> 0) + ((new.flags & 32) <> 0)
        WHERE id = new.mailbox;
      END;
      DROP TRIGGER mailboxRemoved;
      CREATE TRIGGER mailboxRemoved AFTER DELETE ON mailboxes BEGIN
        DELETE FROM messages WHERE mailbox = old.id;
        DELETE FROM files WHERE mailbox = old.id;
        DELETE FROM keywords WHERE mailbox = old.id;
        DELETE FROM expunged WHERE mailbox = old.id;
        DELETE FROM annotations WHERE mailbox = old.id;
        DELETE FROM rights WHERE mailbox = old.id;
        DELETE FROM details WHERE id BETWEEN old.id * 4294967296 AND old.id * 4294967296 + 4294967295;
      END;`,
  },
];

/** The index cannot be used as it is, and is to be made anew from the files. */
export class UnusableIndex extends Error {}

/**
 * Makes the schema of a new index, and leads an old one to ours, each step in a transaction of its own.
 * Before the first step a copy is kept as `index.sqlite.version-<n>`.
 *
 * @throws StoreError "unavailable" where a later program has made the index: to make it anew would throw
 *   away what that program keeps in it.
 * @throws UnusableIndex
 */
export function prepareSchema(database: Database.Database): void {
  if (versionOf(database) === 0) database.transaction(() => makeSchema(database)).immediate();
  const found = versionOf(database);
  if (found === schemaVersion) return;
  if (found > schemaVersion) throw newerIndex(database.name, found);
  keepCopy(database, found);
  for (const { to, sql } of migrations) {
    database
      .transaction(() => {
        // Another process may have been first.
        if (versionOf(database) !== to - 1) return;
        database.exec(sql);
        database.prepare("UPDATE about SET value = ? WHERE name = 'version'").run(`${to}`);
        database.pragma(`user_version = ${to}`);
      })
      .immediate();
  }
  const reached = versionOf(database);
  if (reached > schemaVersion) throw newerIndex(database.name, reached);
  if (reached !== schemaVersion) throw new UnusableIndex(`its version is ${found}`);
}

function makeSchema(database: Database.Database): void {
  // Another process may have been first.
  if (versionOf(database) !== 0) return;
  const tables = database.prepare("SELECT count(*) FROM sqlite_schema").pluck().get();
  if (tables !== 0) throw new UnusableIndex("it is not ours");
  database.exec(schema);
}

/** A version stands in two places from 2 on: where they differ, it is damage and no later program. */
function versionOf(database: Database.Database): number {
  const version = Number(database.pragma("user_version", { simple: true }));
  if (version === 0) return 0;
  const hasAbout = database
    .prepare("SELECT count(*) FROM sqlite_schema WHERE name = 'about'")
    .pluck()
    .get();
  const noted =
    hasAbout === 0
      ? "1"
      : database.prepare("SELECT value FROM about WHERE name = 'version'").pluck().get();
  if (noted !== `${version}`) {
    throw new UnusableIndex(`its version is ${version} in its header and ${String(noted)} inside`);
  }
  return version;
}

function newerIndex(path: string, version: number): StoreError {
  return new StoreError(
    "unavailable",
    `Cannot use "${path}": a later version of Posthouse made it (schema ${version}, this program knows ${schemaVersion}); run that version, or move the file away to have it made anew from the mail`,
  );
}

/** Of the version that is left behind, for whoever goes back to the older program. */
function keepCopy(database: Database.Database, version: number): void {
  const path = `${database.name}.version-${version}`;
  const tmp = `${path}.tmp-${process.pid}-${process.hrtime.bigint()}`;
  try {
    database.prepare("VACUUM INTO ?").run(tmp);
    chmodSync(tmp, fileMode);
    // Another process may have gone on meanwhile, and have kept the right one.
    if (versionOfCopy(tmp) === version) renameSync(tmp, path);
    syncDirectory(dirname(path));
  } finally {
    rmSync(tmp, { force: true });
  }
}

function versionOfCopy(path: string): number {
  const copy = new Database(path, { readonly: true });
  try {
    return Number(copy.pragma("user_version", { simple: true }));
  } finally {
    copy.close();
  }
}
