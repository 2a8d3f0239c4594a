import { setTimeout as wait } from "node:timers/promises";
import type Database from "better-sqlite3";
import { limits } from "../limits.ts";
import type { ColumnRow } from "../message-columns.ts";
import { StoreError } from "../store-error.ts";
import type { SortKeyField } from "../types.ts";
import { isDamage } from "./damage.ts";
import { indexIdentity, openIndexForReading } from "./index-file.ts";
import { type OnDemand, onDemand, raw, rows, values } from "./on-demand.ts";
import { type PackedDetailsRow, packedDetailsSql } from "./packed-details.ts";
import type {
  AnnotationRow,
  CountersRow,
  FileRow,
  MailboxRow,
  MessageRow,
  PackedRow,
  StoredDetailsRow,
} from "./rows.ts";

/** A mailbox with its counters, as one read sees them. */
export type MailboxState = MailboxRow & CountersRow;

const columns = "uid, flags, keywordSet, modSeq, size, internalMs, saveMs";
const mailbox = "SELECT * FROM mailboxes";
const message = `SELECT m.uid, flags, keywordSet, modSeq, size, internalMs, saveMs, key, info
  FROM messages m JOIN files f ON f.mailbox = m.mailbox AND f.uid = m.uid`;

const queries = {
  dataVersion: values<[], number>("PRAGMA data_version"),
  mailboxes: rows<[], MailboxState>(mailbox),
  mailboxByFolder: rows<[string], MailboxState>(`${mailbox} WHERE folder = ?`),
  mailboxByGuid: rows<[string], MailboxState>(`${mailbox} WHERE guid = ?`),
  totals: rows<[], { bytes: number; messages: number; mailboxes: number }>(
    `SELECT coalesce(sum(bytes), 0) AS bytes, coalesce(sum(messages), 0) AS messages,
         count(*) AS mailboxes FROM mailboxes`,
  ),
  rowsAbove: raw<[mailbox: number, uid: number, limit: number], ColumnRow>(
    `SELECT ${columns} FROM messages WHERE mailbox = ? AND uid > ? ORDER BY uid LIMIT ?`,
  ),
  rowsChanged: raw<[mailbox: number, modSeq: number], ColumnRow>(
    `SELECT ${columns} FROM messages WHERE mailbox = ? AND modSeq > ? ORDER BY uid`,
  ),
  packedColumns: rows<[id: number], PackedRow>(
    "SELECT uidValidity, modSeq, octets FROM packedColumns WHERE id = ?",
  ),
  countChanged: values<[mailbox: number, modSeq: number, limit: number], number>(
    `SELECT count(*) FROM
         (SELECT 1 FROM messages WHERE mailbox = ? AND modSeq > ? LIMIT ?)`,
  ),
  countExpunged: values<[mailbox: number, modSeq: number, limit: number], number>(
    `SELECT count(*) FROM
         (SELECT 1 FROM expunged WHERE mailbox = ? AND modSeq > ? LIMIT ?)`,
  ),
  expungedSince: values<[mailbox: number, modSeq: number], number>(
    "SELECT uid FROM expunged WHERE mailbox = ? AND modSeq > ?",
  ),
  expungedBetween: values<
    [mailbox: number, after: number, upTo: number, uid: number, limit: number],
    number
  >(
    `SELECT uid FROM expunged WHERE mailbox = ? AND modSeq > ? AND modSeq <= ? AND uid > ?
       ORDER BY uid LIMIT ?`,
  ),
  annotations: rows<[number], AnnotationRow>(
    "SELECT user, entry, value FROM annotations WHERE mailbox = ? ORDER BY entry",
  ),
  rights: rows<[number], { identifier: string; rights: string }>(
    "SELECT identifier, rights FROM rights WHERE mailbox = ? ORDER BY identifier",
  ),
  about: values<[string], string>("SELECT value FROM about WHERE name = ?"),
  recent: values<[number], number>(
    "SELECT uid FROM messages WHERE mailbox = ? AND (flags & 32) <> 0",
  ),
  message: rows<[number, number], MessageRow>(`${message} WHERE m.mailbox = ? AND m.uid = ?`),
  filesBetween: raw<[mailbox: number, first: number, last: number], FileRow>(
    `SELECT m.uid, flags, size, key, info
       FROM messages m JOIN files f ON f.mailbox = m.mailbox AND f.uid = m.uid
       WHERE m.mailbox = ? AND m.uid BETWEEN ? AND ?`,
  ),
  keysAbove: raw<[mailbox: number, uid: number, limit: number], [uid: number, key: string]>(
    "SELECT uid, key FROM files WHERE mailbox = ? AND uid > ? ORDER BY uid LIMIT ?",
  ),
  fileByKey: rows<[number, string], { info: string; flags: number }>(
    `SELECT info, flags FROM files f JOIN messages m ON m.mailbox = f.mailbox AND m.uid = f.uid
       WHERE f.mailbox = ? AND key = ?`,
  ),
  details: rows<[number], StoredDetailsRow>(
    `SELECT envelope, bodyStructure, body, parts, emailId, threadId, crc
       FROM details WHERE id = ?`,
  ),
  packedDetails: raw<[id: number], PackedDetailsRow>(`${packedDetailsSql} WHERE id = ?`),
  packedDetailsBetween: raw<[first: number, last: number], PackedDetailsRow>(
    `${packedDetailsSql} WHERE id BETWEEN ? AND ? ORDER BY id`,
  ),
  emailIdsAbove: rows<
    [mailbox: number, uid: number, limit: number],
    { uid: number; emailId: Uint8Array | null }
  >(
    `SELECT m.uid, d.emailId FROM messages m LEFT JOIN details d ON d.id = m.mailbox * 4294967296 + m.uid
       WHERE m.mailbox = ? AND m.uid > ? ORDER BY m.uid LIMIT ?`,
  ),
  uidsBetween: values<[mailbox: number, first: number, last: number], number>(
    "SELECT uid FROM messages WHERE mailbox = ? AND uid BETWEEN ? AND ?",
  ),
  sortKeys: sortKeyQueries,
  keywordSetsAbove: rows<[number], { id: number; names: string }>(
    "SELECT id, names FROM keywordSets WHERE id > ? ORDER BY id",
  ),
  keywords: values<[number], string>(
    "SELECT name FROM keywords WHERE mailbox = ? ORDER BY position",
  ),
};

const queriesOf = onDemand(queries);

export type Queries = OnDemand<typeof queries>;

/** Of all readers: one that is made anew for an account must not count from where another began. */
let openings = 0;

interface OpenIndex {
  readonly database: Database.Database;
  readonly queries: Queries;
  readonly inSnapshot: (run: (queries: Queries) => unknown) => unknown;
  readonly identity: string;
}

/** What the event loop reads of one account: always a snapshot, never a wait. */
export class IndexReader {
  readonly #accountPath: string;
  #open: OpenIndex | undefined;
  #opening = 0;
  #isUsed = false;

  constructor(accountPath: string) {
    this.#accountPath = accountPath;
  }

  /** Changes when the index was begun anew: row numbers then mean something else. */
  get identity(): string | undefined {
    return this.#open?.identity;
  }

  /**
   * Another number after each commit of whomever; that of the snapshot, when it is asked for inside of one. To
   * ask takes a quarter of what reading one row takes. undefined when it cannot be told now.
   */
  version(): number | undefined {
    try {
      const version = this.#open?.queries.dataVersion.get();
      // A connection counts from its own beginning.
      return version === undefined ? undefined : this.#opening * 2 ** 32 + version;
    } catch {
      return undefined;
    }
  }

  /**
   * Runs reads inside one snapshot. SQLite says "busy" while the database is opened or closed by the
   * last process that has it; that passes, and is waited for without holding the event loop.
   *
   * @throws whatever isDamage() tells, when the index is to be replaced
   */
  async read<Result>(run: (queries: Queries) => Result): Promise<Result> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        this.#isUsed = true;
        return this.#opened().inSnapshot(run) as Result;
      } catch (error) {
        if (error instanceof StoreError || isDamage(error)) throw error;
        const code = (error as { code?: unknown }).code;
        const mayPass =
          typeof code === "string" && /^SQLITE_(BUSY|CANTOPEN|PROTOCOL|READONLY)/.test(code);
        if (!mayPass || attempt === 200) {
          throw new StoreError(
            "unavailable",
            `Cannot read the index of "${this.#accountPath}": ${(error as Error).message}`,
            { cause: error },
          );
        }
        this.close();
        await wait(10);
      }
    }
  }

  close(): void {
    this.#open?.database.close();
    this.#open = undefined;
  }

  /** True when nobody has read since the last call. */
  isIdle(): boolean {
    const isIdle = !this.#isUsed;
    this.#isUsed = false;
    return isIdle;
  }

  #opened(): OpenIndex {
    if (this.#open === undefined) {
      const database = openIndexForReading(this.#accountPath);
      try {
        const queries = queriesOf(database);
        // Made once: to make such a function takes as long as a short read.
        const inSnapshot = database.transaction((run: (queries: Queries) => unknown) =>
          run(queries),
        );
        openings += 1;
        this.#opening = openings;
        this.#open = { database, queries, inSnapshot, identity: indexIdentity(this.#accountPath) };
      } catch (error) {
        database.close();
        throw error;
      }
    }
    return this.#open;
  }
}

/** A row of values, whose first is the id. */
type SortKeyValues = [id: number, ...values: unknown[]];

/** Who sorts by one field reads no other; there are few combinations that clients ask for. */
function sortKeyQueries(database: Database.Database) {
  const prepare = (fields: readonly SortKeyField[]) => {
    const select = `SELECT ${["id", ...fields].map((name) => `"${name}"`).join(", ")} FROM sortKeys`;
    return {
      range: database
        .prepare<[after: number, last: number, limit: number], SortKeyValues>(
          `${select} WHERE id > +? AND id <= +? ORDER BY id LIMIT ?`,
        )
        .raw(),
      one: database.prepare<[number], SortKeyValues>(`${select} WHERE id = ?`).raw(),
    };
  };
  const prepared = new Map<string, ReturnType<typeof prepare>>();
  return (fields: readonly SortKeyField[]) => {
    const name = fields.join();
    const known = prepared.get(name);
    if (known !== undefined) return known;
    if (prepared.size >= limits.sortKeyQueriesMax) prepared.clear();
    const made = prepare(fields);
    prepared.set(name, made);
    return made;
  };
}

/** Keeps a bounded number of readers open, the last used ones. */
export class IndexReaderPool {
  readonly #readers = new Map<string, IndexReader>();

  readerOf(accountPath: string): IndexReader {
    const reader = this.#readers.get(accountPath) ?? new IndexReader(accountPath);
    this.#readers.delete(accountPath);
    this.#readers.set(accountPath, reader);
    if (this.#readers.size > limits.openIndexesMax) {
      const oldest = this.#readers.keys().next().value;
      if (oldest !== undefined) this.forget(oldest);
    }
    return reader;
  }

  /** To be called now and then: closes those that nobody has used since the last call. */
  closeIdle(): void {
    for (const [accountPath, reader] of this.#readers) {
      if (reader.isIdle()) this.forget(accountPath);
    }
  }

  forget(accountPath: string): void {
    this.#readers.get(accountPath)?.close();
    this.#readers.delete(accountPath);
  }

  close(): void {
    for (const reader of this.#readers.values()) reader.close();
    this.#readers.clear();
  }
}
