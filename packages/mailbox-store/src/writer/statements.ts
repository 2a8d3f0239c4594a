import { type OnDemand, onDemand, raw, rows, values } from "../index/on-demand.ts";
import type {
  AnnotationRow,
  CountersRow,
  MailboxRow,
  MessageRow,
  StoredDetailsRow,
} from "../index/rows.ts";
import type { ColumnRow } from "../message-columns.ts";
import type { SortKeysRow } from "../sort-keys.ts";

const statements = {
  begin: rows<[]>("BEGIN IMMEDIATE"),
  commit: rows<[]>("COMMIT"),
  rollback: rows<[]>("ROLLBACK"),
  savepoint: rows<[]>("SAVEPOINT job"),
  release: rows<[]>("RELEASE job"),
  rollbackJob: rows<[]>("ROLLBACK TO job"),
  useLargeCache: rows<[]>("PRAGMA cache_size = -16384"),
  useSmallCache: rows<[]>("PRAGMA cache_size = -1024"),

  mailboxes: rows<[], MailboxRow>("SELECT * FROM mailboxes"),
  mailboxByFolder: rows<[string], MailboxRow>("SELECT * FROM mailboxes WHERE folder = ?"),
  mailboxByGuid: rows<[string], MailboxRow>("SELECT * FROM mailboxes WHERE guid = ?"),
  insertMailbox: rows<[MailboxRow]>(
    `INSERT INTO mailboxes (folder, guid, uidValidity, uidNext, highestModSeq, uidReserved,
         modSeqReserved, specialUse, historyModSeq)
       VALUES (:folder, :guid, :uidValidity, :uidNext, :highestModSeq, :uidReserved,
         :modSeqReserved, :specialUse, :highestModSeq)`,
  ),
  updateMailbox: rows<[MailboxRow]>(
    `UPDATE mailboxes SET uidValidity = :uidValidity, uidNext = :uidNext,
         highestModSeq = :highestModSeq, uidReserved = :uidReserved,
         modSeqReserved = :modSeqReserved, specialUse = :specialUse, isScanned = :isScanned,
         newMtime = :newMtime, curMtime = :curMtime, recordedMs = :recordedMs,
         scannedMs = :scannedMs, uidListSeen = :uidListSeen, mailboxFileSeen = :mailboxFileSeen,
         historyModSeq = :historyModSeq
       WHERE id = :id`,
  ),
  // Apart, since to set it is to write its index, also when it stays the same.
  moveMailbox: rows<[folder: string, id: number]>("UPDATE mailboxes SET folder = ? WHERE id = ?"),
  deleteMailbox: rows<[number]>("DELETE FROM mailboxes WHERE id = ?"),
  totals: rows<[], { bytes: number; messages: number }>(
    "SELECT coalesce(sum(bytes), 0) AS bytes, coalesce(sum(messages), 0) AS messages FROM mailboxes",
  ),

  message: rows<[number, number], MessageRow>(
    `SELECT m.uid, flags, keywordSet, modSeq, size, internalMs, saveMs, key, info
       FROM messages m JOIN files f ON f.mailbox = m.mailbox AND f.uid = m.uid
       WHERE m.mailbox = ? AND m.uid = ?`,
  ),
  // Sets of UIDs come as one JSON array: a statement a set costs a fifth of a statement a message.
  messagesOf: rows<[mailbox: number, uids: string], MessageRow>(
    `SELECT m.uid, flags, keywordSet, modSeq, size, internalMs, saveMs, key, info
       FROM messages m JOIN files f ON f.mailbox = m.mailbox AND f.uid = m.uid
       WHERE m.mailbox = ? AND m.uid IN (SELECT value FROM json_each(?)) ORDER BY m.uid`,
  ),
  messagesWithKeywords: rows<[number], { key: string; keywordSet: number }>(
    `SELECT key, keywordSet FROM messages m JOIN files f ON f.mailbox = m.mailbox AND f.uid = m.uid
       WHERE m.mailbox = ? AND keywordSet <> 0`,
  ),
  newMessages: rows<[number], MessageRow>(
    `SELECT m.uid, flags, keywordSet, modSeq, size, internalMs, saveMs, key, info
       FROM messages m JOIN files f ON f.mailbox = m.mailbox AND f.uid = m.uid
       WHERE m.mailbox = ? AND (flags & 32) <> 0`,
  ),
  insertMessage: rows<[number, number, number, number, number, number, number, number]>(
    "INSERT INTO messages VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
  ),
  updateFlags: rows<
    [flags: number, keywordSet: number, modSeq: number, mailbox: number, uid: number]
  >("UPDATE messages SET flags = ?, keywordSet = ?, modSeq = ? WHERE mailbox = ? AND uid = ?"),
  updateFlagsOf: rows<
    [flags: number, keywordSet: number, modSeq: number, mailbox: number, uids: string]
  >(
    `UPDATE messages SET flags = ?, keywordSet = ?, modSeq = ?
       WHERE mailbox = ? AND uid IN (SELECT value FROM json_each(?))`,
  ),
  updateSize: rows<[flags: number, size: number, mailbox: number, uid: number]>(
    "UPDATE messages SET flags = ?, size = ? WHERE mailbox = ? AND uid = ?",
  ),
  deleteMessage: rows<[number, number]>("DELETE FROM messages WHERE mailbox = ? AND uid = ?"),
  deleteMessagesOf: rows<[mailbox: number, uids: string]>(
    "DELETE FROM messages WHERE mailbox = ? AND uid IN (SELECT value FROM json_each(?))",
  ),
  deleteMessages: rows<[number]>("DELETE FROM messages WHERE mailbox = ?"),

  files: rows<[number], FileRow>(
    `SELECT f.uid, key, info, flags FROM files f
       JOIN messages m ON m.mailbox = f.mailbox AND m.uid = f.uid WHERE f.mailbox = ?`,
  ),
  fileByKey: rows<[number, string], { uid: number; info: string }>(
    "SELECT uid, info FROM files WHERE mailbox = ? AND key = ?",
  ),
  uidListOfIndex: rows<[number], { uid: number; key: string }>(
    "SELECT uid, key FROM files WHERE mailbox = ? ORDER BY uid",
  ),
  insertFile: rows<[number, string, number, string]>("INSERT INTO files VALUES (?, ?, ?, ?)"),
  updateInfo: rows<[string, number, string]>(
    "UPDATE files SET info = ? WHERE mailbox = ? AND key = ?",
  ),
  updateInfoOf: rows<[info: string, mailbox: number, uids: string]>(
    `UPDATE files SET info = ?
       WHERE mailbox = ? AND uid IN (SELECT value FROM json_each(?))`,
  ),
  deleteFile: rows<[number, number]>("DELETE FROM files WHERE mailbox = ? AND uid = ?"),
  deleteFilesOf: rows<[mailbox: number, uids: string]>(
    "DELETE FROM files WHERE mailbox = ? AND uid IN (SELECT value FROM json_each(?))",
  ),
  deleteFiles: rows<[number]>("DELETE FROM files WHERE mailbox = ?"),

  insertDetails: rows<
    [number, Uint8Array, Uint8Array, Uint8Array, Uint8Array, Uint8Array, Uint8Array, number]
  >("INSERT OR REPLACE INTO details VALUES (?, ?, ?, ?, ?, ?, ?, ?)"),
  copyDetails: rows<[number, number]>(
    `INSERT OR REPLACE INTO details
       SELECT ?, envelope, bodyStructure, body, parts, emailId, threadId, crc
       FROM details WHERE id = ?`,
  ),
  insertSortKeys: rows<[SortKeysRow & { readonly id: number }]>(
    `INSERT OR REPLACE INTO sortKeys (id, sentMs, subject, isReply, "from", "to", cc, displayFrom,
         displayTo, messageId, "references")
       VALUES (:id, :sentMs, :subject, :isReply, :from, :to, :cc, :displayFrom, :displayTo,
         :messageId, :references)`,
  ),
  copySortKeys: rows<[to: number, from: number]>(
    `INSERT OR REPLACE INTO sortKeys (id, sentMs, subject, isReply, "from", "to", cc, displayFrom,
         displayTo, messageId, "references")
       SELECT ?, sentMs, subject, isReply, "from", "to", cc, displayFrom, displayTo, messageId,
         "references" FROM sortKeys WHERE id = ?`,
  ),
  deleteDetails: rows<[number]>("DELETE FROM details WHERE id = ?"),
  deleteDetailsOf: rows<[mailbox: number, uids: string]>(
    `DELETE FROM details
       WHERE id IN (SELECT ? * 4294967296 + value FROM json_each(?))`,
  ),
  deleteAllDetails: rows<[number, number]>("DELETE FROM details WHERE id BETWEEN ? AND ?"),

  columnRows: raw<[number], ColumnRow>(
    `SELECT uid, flags, keywordSet, modSeq, size, internalMs, saveMs
       FROM messages WHERE mailbox = ? ORDER BY uid`,
  ),
  insertPacked: rows<[id: number, uidValidity: number, modSeq: number, octets: Uint8Array]>(
    "INSERT INTO packedColumns VALUES (?, ?, ?, ?)",
  ),
  deletePacked: rows<[from: number, to: number]>(
    "DELETE FROM packedColumns WHERE id BETWEEN ? AND ?",
  ),
  deleteForeignPacked: rows<[]>(
    "DELETE FROM packedColumns WHERE id >> 32 NOT IN (SELECT id FROM mailboxes)",
  ),

  keywordSetNames: values<[number], string>("SELECT names FROM keywordSets WHERE id = ?"),
  keywordSetId: values<[string], number>("SELECT id FROM keywordSets WHERE names = ?"),
  insertKeywordSet: rows<[string]>("INSERT INTO keywordSets (names) VALUES (?)"),
  keywords: rows<[number], { position: number; name: string }>(
    "SELECT position, name FROM keywords WHERE mailbox = ?",
  ),
  insertKeyword: rows<[number, number, string]>("INSERT OR REPLACE INTO keywords VALUES (?, ?, ?)"),

  insertExpunged: rows<[number, number, number]>(
    "INSERT OR REPLACE INTO expunged VALUES (?, ?, ?)",
  ),
  insertExpungedOf: rows<[mailbox: number, modSeq: number, uids: string]>(
    "INSERT OR REPLACE INTO expunged SELECT ?, value, ? FROM json_each(?)",
  ),
  isExpunged: values<[number, number], number>(
    "SELECT 1 FROM expunged WHERE mailbox = ? AND uid = ?",
  ),
  expungedBeyond: values<[mailbox: number, kept: number], number>(
    "SELECT modSeq FROM expunged WHERE mailbox = ? ORDER BY modSeq DESC LIMIT 1 OFFSET ?",
  ),
  trimExpunged: rows<[mailbox: number, modSeq: number]>(
    "DELETE FROM expunged WHERE mailbox = ? AND modSeq <= ?",
  ),
  deleteExpunged: rows<[number]>("DELETE FROM expunged WHERE mailbox = ?"),

  delivery: rows<[string], { uidValidity: number; uid: number }>(
    "SELECT uidValidity, uid FROM deliveries WHERE id = ?",
  ),
  insertDelivery: rows<[string, number, number, number]>(
    "INSERT INTO deliveries VALUES (?, ?, ?, ?)",
  ),
  forgetDeliveries: rows<[number]>("DELETE FROM deliveries WHERE atMs < ?"),

  annotations: rows<[number], AnnotationRow>(
    "SELECT user, entry, value FROM annotations WHERE mailbox = ? ORDER BY user, entry",
  ),
  putAnnotation: rows<[mailbox: number, user: string, entry: string, value: Uint8Array]>(
    "INSERT OR REPLACE INTO annotations VALUES (?, ?, ?, ?)",
  ),
  deleteAnnotation: rows<[mailbox: number, user: string, entry: string]>(
    "DELETE FROM annotations WHERE mailbox = ? AND user = ? AND entry = ?",
  ),
  deleteAnnotations: rows<[number]>("DELETE FROM annotations WHERE mailbox = ?"),
  rights: rows<[number], { identifier: string; rights: string }>(
    "SELECT identifier, rights FROM rights WHERE mailbox = ? ORDER BY identifier",
  ),
  putRights: rows<[mailbox: number, identifier: string, rights: string]>(
    "INSERT OR REPLACE INTO rights VALUES (?, ?, ?)",
  ),
  deleteRights: rows<[mailbox: number, identifier: string]>(
    "DELETE FROM rights WHERE mailbox = ? AND identifier = ?",
  ),
  deleteAllRights: rows<[number]>("DELETE FROM rights WHERE mailbox = ?"),
  about: values<[string], string>("SELECT value FROM about WHERE name = ?"),
  putAbout: rows<[string, string]>("INSERT OR REPLACE INTO about VALUES (?, ?)"),

  intents: rows<[], { id: number; fromFolder: string; toFolder: string }>("SELECT * FROM intents"),
  insertIntent: rows<[string, string]>("INSERT INTO intents (fromFolder, toFolder) VALUES (?, ?)"),
  deleteIntents: rows<[]>("DELETE FROM intents"),

  // For a check
  damage: values<[table: string], string>("SELECT * FROM pragma_integrity_check(?)"),
  details: rows<[number], StoredDetailsRow>(
    `SELECT envelope, bodyStructure, body, parts, emailId, threadId, crc
       FROM details WHERE id = ?`,
  ),
  rowsToCheck: rows<[mailbox: number, afterUid: number, limit: number], MessageRow>(
    `SELECT m.uid, flags, keywordSet, modSeq, size, internalMs, saveMs, key, info
       FROM messages m JOIN files f ON f.mailbox = m.mailbox AND f.uid = m.uid
       WHERE m.mailbox = ? AND m.uid > ? ORDER BY m.uid LIMIT ?`,
  ),
  sums: rows<[mailbox: number], SumsRow>(
    `SELECT count(*) AS messages, coalesce(sum((flags & 8) = 0), 0) AS unseen,
         coalesce(sum((flags & 4) <> 0), 0) AS deleted, coalesce(sum((flags & 32) <> 0), 0) AS recent,
         coalesce(sum(size), 0) AS bytes, coalesce(max(uid), 0) AS uidMax,
         coalesce(max(modSeq), 0) AS modSeqMax
       FROM messages WHERE mailbox = ?`,
  ),
  counters: rows<[mailbox: number], CountersRow>(
    "SELECT messages, unseen, deleted, recent, bytes FROM mailboxes WHERE id = ?",
  ),
  setCounters: rows<[SumsRow & { readonly id: number }]>(
    `UPDATE mailboxes SET messages = :messages, unseen = :unseen, deleted = :deleted,
         recent = :recent, bytes = :bytes WHERE id = :id`,
  ),
  messagesWithoutFile: values<[mailbox: number], number>(
    `SELECT uid FROM messages m WHERE mailbox = ? AND NOT EXISTS
         (SELECT 1 FROM files f WHERE f.mailbox = m.mailbox AND f.uid = m.uid)`,
  ),
  filesWithoutMessage: rows<[mailbox: number], { key: string; uid: number }>(
    `SELECT key, uid FROM files f WHERE mailbox = ? AND NOT EXISTS
         (SELECT 1 FROM messages m WHERE m.mailbox = f.mailbox AND m.uid = f.uid)`,
  ),
  setGuid: rows<[guid: string, id: number]>("UPDATE mailboxes SET guid = ? WHERE id = ?"),
  deleteFileByKey: rows<[mailbox: number, key: string]>(
    "DELETE FROM files WHERE mailbox = ? AND key = ?",
  ),
  updateKey: rows<[key: string, mailbox: number, uid: number]>(
    "UPDATE files SET key = ? WHERE mailbox = ? AND uid = ?",
  ),
  updateMessage: rows<
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

/** Every statement of the writer, for one open database. */
export const prepareStatements = onDemand(statements);

export type Statements = OnDemand<typeof statements>;

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
