import type Database from "better-sqlite3";
import type {
  AnnotationRow,
  CountersRow,
  MailboxRow,
  MessageRow,
  StoredDetailsRow,
} from "../index/rows.ts";
import type { ColumnRow } from "../message-columns.ts";
import type { SortKeysRow } from "../sort-keys.ts";

/** Every statement of the writer, prepared once for each open database. */
export function prepareStatements(database: Database.Database) {
  const all = <Parameters extends unknown[], Row = unknown>(sql: string) =>
    database.prepare<Parameters, Row>(sql);
  return {
    begin: all<[]>("BEGIN IMMEDIATE"),
    commit: all<[]>("COMMIT"),
    rollback: all<[]>("ROLLBACK"),
    savepoint: all<[]>("SAVEPOINT job"),
    release: all<[]>("RELEASE job"),
    rollbackJob: all<[]>("ROLLBACK TO job"),
    useLargeCache: all<[]>("PRAGMA cache_size = -16384"),
    useSmallCache: all<[]>("PRAGMA cache_size = -1024"),

    mailboxes: all<[], MailboxRow>("SELECT * FROM mailboxes"),
    mailboxByFolder: all<[string], MailboxRow>("SELECT * FROM mailboxes WHERE folder = ?"),
    mailboxByGuid: all<[string], MailboxRow>("SELECT * FROM mailboxes WHERE guid = ?"),
    insertMailbox: all<[MailboxRow]>(
      `INSERT INTO mailboxes (folder, guid, uidValidity, uidNext, highestModSeq, uidReserved,
         modSeqReserved, specialUse, historyModSeq)
       VALUES (:folder, :guid, :uidValidity, :uidNext, :highestModSeq, :uidReserved,
         :modSeqReserved, :specialUse, :highestModSeq)`,
    ),
    updateMailbox: all<[MailboxRow]>(
      `UPDATE mailboxes SET uidValidity = :uidValidity, uidNext = :uidNext,
         highestModSeq = :highestModSeq, uidReserved = :uidReserved,
         modSeqReserved = :modSeqReserved, specialUse = :specialUse, isScanned = :isScanned,
         newMtime = :newMtime, curMtime = :curMtime, recordedMs = :recordedMs,
         scannedMs = :scannedMs, uidListSeen = :uidListSeen, mailboxFileSeen = :mailboxFileSeen,
         historyModSeq = :historyModSeq
       WHERE id = :id`,
    ),
    // Apart, since to set it is to write its index, also when it stays the same.
    moveMailbox: all<[folder: string, id: number]>("UPDATE mailboxes SET folder = ? WHERE id = ?"),
    deleteMailbox: all<[number]>("DELETE FROM mailboxes WHERE id = ?"),
    totals: all<[], { bytes: number; messages: number }>(
      "SELECT coalesce(sum(bytes), 0) AS bytes, coalesce(sum(messages), 0) AS messages FROM mailboxes",
    ),

    message: all<[number, number], MessageRow>(
      `SELECT m.uid, flags, keywordSet, modSeq, size, internalMs, saveMs, key, info
       FROM messages m JOIN files f ON f.mailbox = m.mailbox AND f.uid = m.uid
       WHERE m.mailbox = ? AND m.uid = ?`,
    ),
    // Sets of UIDs come as one JSON array: a statement a set costs a fifth of a statement a message.
    messagesOf: all<[mailbox: number, uids: string], MessageRow>(
      `SELECT m.uid, flags, keywordSet, modSeq, size, internalMs, saveMs, key, info
       FROM messages m JOIN files f ON f.mailbox = m.mailbox AND f.uid = m.uid
       WHERE m.mailbox = ? AND m.uid IN (SELECT value FROM json_each(?)) ORDER BY m.uid`,
    ),
    messagesWithKeywords: all<[number], { key: string; keywordSet: number }>(
      `SELECT key, keywordSet FROM messages m JOIN files f ON f.mailbox = m.mailbox AND f.uid = m.uid
       WHERE m.mailbox = ? AND keywordSet <> 0`,
    ),
    newMessages: all<[number], MessageRow>(
      `SELECT m.uid, flags, keywordSet, modSeq, size, internalMs, saveMs, key, info
       FROM messages m JOIN files f ON f.mailbox = m.mailbox AND f.uid = m.uid
       WHERE m.mailbox = ? AND (flags & 32) <> 0`,
    ),
    insertMessage: all<[number, number, number, number, number, number, number, number]>(
      "INSERT INTO messages VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
    ),
    updateFlags: all<
      [flags: number, keywordSet: number, modSeq: number, mailbox: number, uid: number]
    >("UPDATE messages SET flags = ?, keywordSet = ?, modSeq = ? WHERE mailbox = ? AND uid = ?"),
    updateFlagsOf: all<
      [flags: number, keywordSet: number, modSeq: number, mailbox: number, uids: string]
    >(
      `UPDATE messages SET flags = ?, keywordSet = ?, modSeq = ?
       WHERE mailbox = ? AND uid IN (SELECT value FROM json_each(?))`,
    ),
    updateSize: all<[flags: number, size: number, mailbox: number, uid: number]>(
      "UPDATE messages SET flags = ?, size = ? WHERE mailbox = ? AND uid = ?",
    ),
    deleteMessage: all<[number, number]>("DELETE FROM messages WHERE mailbox = ? AND uid = ?"),
    deleteMessagesOf: all<[mailbox: number, uids: string]>(
      "DELETE FROM messages WHERE mailbox = ? AND uid IN (SELECT value FROM json_each(?))",
    ),
    deleteMessages: all<[number]>("DELETE FROM messages WHERE mailbox = ?"),

    files: all<[number], FileRow>(
      `SELECT f.uid, key, info, flags FROM files f
       JOIN messages m ON m.mailbox = f.mailbox AND m.uid = f.uid WHERE f.mailbox = ?`,
    ),
    fileByKey: all<[number, string], { uid: number; info: string }>(
      "SELECT uid, info FROM files WHERE mailbox = ? AND key = ?",
    ),
    uidListOfIndex: all<[number], { uid: number; key: string }>(
      "SELECT uid, key FROM files WHERE mailbox = ? ORDER BY uid",
    ),
    insertFile: all<[number, string, number, string]>("INSERT INTO files VALUES (?, ?, ?, ?)"),
    updateInfo: all<[string, number, string]>(
      "UPDATE files SET info = ? WHERE mailbox = ? AND key = ?",
    ),
    updateInfoOf: all<[info: string, mailbox: number, uids: string]>(
      `UPDATE files SET info = ?
       WHERE mailbox = ? AND uid IN (SELECT value FROM json_each(?))`,
    ),
    deleteFile: all<[number, number]>("DELETE FROM files WHERE mailbox = ? AND uid = ?"),
    deleteFilesOf: all<[mailbox: number, uids: string]>(
      "DELETE FROM files WHERE mailbox = ? AND uid IN (SELECT value FROM json_each(?))",
    ),
    deleteFiles: all<[number]>("DELETE FROM files WHERE mailbox = ?"),

    insertDetails: all<
      [number, Uint8Array, Uint8Array, Uint8Array, Uint8Array, Uint8Array, Uint8Array, number]
    >("INSERT OR REPLACE INTO details VALUES (?, ?, ?, ?, ?, ?, ?, ?)"),
    copyDetails: all<[number, number]>(
      `INSERT OR REPLACE INTO details
       SELECT ?, envelope, bodyStructure, body, parts, emailId, threadId, crc
       FROM details WHERE id = ?`,
    ),
    insertSortKeys: all<[SortKeysRow & { readonly id: number }]>(
      `INSERT OR REPLACE INTO sortKeys (id, sentMs, subject, isReply, "from", "to", cc, displayFrom,
         displayTo, messageId, "references")
       VALUES (:id, :sentMs, :subject, :isReply, :from, :to, :cc, :displayFrom, :displayTo,
         :messageId, :references)`,
    ),
    copySortKeys: all<[to: number, from: number]>(
      `INSERT OR REPLACE INTO sortKeys (id, sentMs, subject, isReply, "from", "to", cc, displayFrom,
         displayTo, messageId, "references")
       SELECT ?, sentMs, subject, isReply, "from", "to", cc, displayFrom, displayTo, messageId,
         "references" FROM sortKeys WHERE id = ?`,
    ),
    deleteDetails: all<[number]>("DELETE FROM details WHERE id = ?"),
    deleteDetailsOf: all<[mailbox: number, uids: string]>(
      `DELETE FROM details
       WHERE id IN (SELECT ? * 4294967296 + value FROM json_each(?))`,
    ),
    deleteAllDetails: all<[number, number]>("DELETE FROM details WHERE id BETWEEN ? AND ?"),

    columnRows: all<[number], ColumnRow>(
      `SELECT uid, flags, keywordSet, modSeq, size, internalMs, saveMs
       FROM messages WHERE mailbox = ? ORDER BY uid`,
    ).raw(),
    insertPacked: all<[id: number, uidValidity: number, modSeq: number, octets: Uint8Array]>(
      "INSERT INTO packedColumns VALUES (?, ?, ?, ?)",
    ),
    deletePacked: all<[from: number, to: number]>(
      "DELETE FROM packedColumns WHERE id BETWEEN ? AND ?",
    ),
    deleteForeignPacked: all<[]>(
      "DELETE FROM packedColumns WHERE id >> 32 NOT IN (SELECT id FROM mailboxes)",
    ),

    keywordSetNames: all<[number], string>("SELECT names FROM keywordSets WHERE id = ?").pluck(),
    keywordSetId: all<[string], number>("SELECT id FROM keywordSets WHERE names = ?").pluck(),
    insertKeywordSet: all<[string]>("INSERT INTO keywordSets (names) VALUES (?)"),
    keywords: all<[number], { position: number; name: string }>(
      "SELECT position, name FROM keywords WHERE mailbox = ?",
    ),
    insertKeyword: all<[number, number, string]>(
      "INSERT OR REPLACE INTO keywords VALUES (?, ?, ?)",
    ),

    insertExpunged: all<[number, number, number]>(
      "INSERT OR REPLACE INTO expunged VALUES (?, ?, ?)",
    ),
    insertExpungedOf: all<[mailbox: number, modSeq: number, uids: string]>(
      "INSERT OR REPLACE INTO expunged SELECT ?, value, ? FROM json_each(?)",
    ),
    isExpunged: all<[number, number], number>(
      "SELECT 1 FROM expunged WHERE mailbox = ? AND uid = ?",
    ).pluck(),
    expungedBeyond: all<[mailbox: number, kept: number], number>(
      "SELECT modSeq FROM expunged WHERE mailbox = ? ORDER BY modSeq DESC LIMIT 1 OFFSET ?",
    ).pluck(),
    trimExpunged: all<[mailbox: number, modSeq: number]>(
      "DELETE FROM expunged WHERE mailbox = ? AND modSeq <= ?",
    ),
    deleteExpunged: all<[number]>("DELETE FROM expunged WHERE mailbox = ?"),

    delivery: all<[string], { uidValidity: number; uid: number }>(
      "SELECT uidValidity, uid FROM deliveries WHERE id = ?",
    ),
    insertDelivery: all<[string, number, number, number]>(
      "INSERT INTO deliveries VALUES (?, ?, ?, ?)",
    ),
    forgetDeliveries: all<[number]>("DELETE FROM deliveries WHERE atMs < ?"),

    annotations: all<[number], AnnotationRow>(
      "SELECT user, entry, value FROM annotations WHERE mailbox = ? ORDER BY user, entry",
    ),
    putAnnotation: all<[mailbox: number, user: string, entry: string, value: Uint8Array]>(
      "INSERT OR REPLACE INTO annotations VALUES (?, ?, ?, ?)",
    ),
    deleteAnnotation: all<[mailbox: number, user: string, entry: string]>(
      "DELETE FROM annotations WHERE mailbox = ? AND user = ? AND entry = ?",
    ),
    deleteAnnotations: all<[number]>("DELETE FROM annotations WHERE mailbox = ?"),
    rights: all<[number], { identifier: string; rights: string }>(
      "SELECT identifier, rights FROM rights WHERE mailbox = ? ORDER BY identifier",
    ),
    putRights: all<[mailbox: number, identifier: string, rights: string]>(
      "INSERT OR REPLACE INTO rights VALUES (?, ?, ?)",
    ),
    deleteRights: all<[mailbox: number, identifier: string]>(
      "DELETE FROM rights WHERE mailbox = ? AND identifier = ?",
    ),
    deleteAllRights: all<[number]>("DELETE FROM rights WHERE mailbox = ?"),
    about: all<[string], string>("SELECT value FROM about WHERE name = ?").pluck(),
    putAbout: all<[string, string]>("INSERT OR REPLACE INTO about VALUES (?, ?)"),

    intents: all<[], { id: number; fromFolder: string; toFolder: string }>("SELECT * FROM intents"),
    insertIntent: all<[string, string]>("INSERT INTO intents (fromFolder, toFolder) VALUES (?, ?)"),
    deleteIntents: all<[]>("DELETE FROM intents"),

    // For a check
    damage: all<[table: string], string>("SELECT * FROM pragma_integrity_check(?)").pluck(),
    details: all<[number], StoredDetailsRow>(
      `SELECT envelope, bodyStructure, body, parts, emailId, threadId, crc
       FROM details WHERE id = ?`,
    ),
    rowsToCheck: all<[mailbox: number, afterUid: number, limit: number], MessageRow>(
      `SELECT m.uid, flags, keywordSet, modSeq, size, internalMs, saveMs, key, info
       FROM messages m JOIN files f ON f.mailbox = m.mailbox AND f.uid = m.uid
       WHERE m.mailbox = ? AND m.uid > ? ORDER BY m.uid LIMIT ?`,
    ),
    sums: all<[mailbox: number], SumsRow>(
      `SELECT count(*) AS messages, coalesce(sum((flags & 8) = 0), 0) AS unseen,
         coalesce(sum((flags & 4) <> 0), 0) AS deleted, coalesce(sum((flags & 32) <> 0), 0) AS recent,
         coalesce(sum(size), 0) AS bytes, coalesce(max(uid), 0) AS uidMax,
         coalesce(max(modSeq), 0) AS modSeqMax
       FROM messages WHERE mailbox = ?`,
    ),
    counters: all<[mailbox: number], CountersRow>(
      "SELECT messages, unseen, deleted, recent, bytes FROM mailboxes WHERE id = ?",
    ),
    setCounters: all<[SumsRow & { readonly id: number }]>(
      `UPDATE mailboxes SET messages = :messages, unseen = :unseen, deleted = :deleted,
         recent = :recent, bytes = :bytes WHERE id = :id`,
    ),
    messagesWithoutFile: all<[mailbox: number], number>(
      `SELECT uid FROM messages m WHERE mailbox = ? AND NOT EXISTS
         (SELECT 1 FROM files f WHERE f.mailbox = m.mailbox AND f.uid = m.uid)`,
    ).pluck(),
    filesWithoutMessage: all<[mailbox: number], { key: string; uid: number }>(
      `SELECT key, uid FROM files f WHERE mailbox = ? AND NOT EXISTS
         (SELECT 1 FROM messages m WHERE m.mailbox = f.mailbox AND m.uid = f.uid)`,
    ),
    setGuid: all<[guid: string, id: number]>("UPDATE mailboxes SET guid = ? WHERE id = ?"),
    deleteFileByKey: all<[mailbox: number, key: string]>(
      "DELETE FROM files WHERE mailbox = ? AND key = ?",
    ),
    updateKey: all<[key: string, mailbox: number, uid: number]>(
      "UPDATE files SET key = ? WHERE mailbox = ? AND uid = ?",
    ),
    updateMessage: all<
      [
        flags: number,
        keywordSet: number,
        modSeq: number,
        size: number,
        internalMs: number,
        mailbox: number,
        uid: number,
      ]
    >(
      `UPDATE messages SET flags = ?, keywordSet = ?, modSeq = ?, size = ?, internalMs = ?
       WHERE mailbox = ? AND uid = ?`,
    ),
  };
}

export type Statements = ReturnType<typeof prepareStatements>;

/** What the counters of a mailbox should be, and the largest numbers in its rows. */
export interface SumsRow extends CountersRow {
  readonly uidMax: number;
  readonly modSeqMax: number;
}

export interface FileRow {
  readonly uid: number;
  readonly key: string;
  readonly info: string;
  readonly flags: number;
}
