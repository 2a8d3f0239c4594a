/**
 * The index of one account, `index.sqlite`. Everything in it can be read again from the files, but for
 * `expunged` and `deliveries`. Another version: a step in migrations.ts leads to it.
 *
 * What a session needs of every message (`messages`) stands apart from what it needs of few: a bulk
 * read of 100,000 narrow rows takes a third of the time that wide ones take.
 */
export const schemaVersion = 2;

/** Bits of messages.flags beyond systemFlagBits. */
export const storedFlagBits = {
  /** The file is in new/: \Recent to the first that selects the mailbox. */
  isNew: 32,
  /** The file has LF line ends and is served with CRLF. */
  isLf: 64,
} as const;

export const systemFlagsMask = 31;

/** details.id: the mailbox in the upper half, the UID in the lower; stays below 2^53. */
export function detailsId(mailbox: number, uid: number): number {
  return mailbox * 2 ** 32 + uid;
}

/** packedColumns.id: the mailbox in the upper half, the number of the chunk in the lower. */
export function packedId(mailbox: number, chunk: number): number {
  return mailbox * 2 ** 32 + chunk;
}

/**
 * What any program may drop and we make again when it is missing, so that it is no part of the version:
 * columns of large mailboxes as of a modseq (packed-columns.ts), and what SORT and THREAD compare
 * (sort-keys.ts). Keys that are made in another way need another name for their table.
 */
export const cacheSchema = `
CREATE TABLE IF NOT EXISTS packedColumns (
  id INTEGER PRIMARY KEY,                 -- packedId()
  uidValidity INTEGER NOT NULL,
  modSeq INTEGER NOT NULL,
  octets BLOB NOT NULL
) STRICT;

CREATE TABLE IF NOT EXISTS sortKeys (
  id INTEGER PRIMARY KEY,                 -- detailsId()
  sentMs REAL,
  subject TEXT NOT NULL,                  -- texts are keys of unicodeCasemap()
  isReply INTEGER NOT NULL,
  "from" TEXT NOT NULL,
  "to" TEXT NOT NULL,
  cc TEXT NOT NULL,
  displayFrom TEXT NOT NULL,
  displayTo TEXT NOT NULL,
  messageId BLOB,                         -- 8 octets of its SHA-256
  "references" BLOB                       -- 8 octets each, oldest first
) STRICT;
CREATE TRIGGER IF NOT EXISTS sortKeysRemoved AFTER DELETE ON messages BEGIN
  DELETE FROM sortKeys WHERE id = old.mailbox * 4294967296 + old.uid;
END;
`;

export const schema = `
CREATE TABLE mailboxes (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  folder TEXT NOT NULL UNIQUE,            -- '' is INBOX, else as on disk: '.Archive.2026'
  guid TEXT NOT NULL UNIQUE,              -- MAILBOXID
  uidValidity INTEGER NOT NULL,
  uidNext INTEGER NOT NULL,
  highestModSeq INTEGER NOT NULL,
  uidReserved INTEGER NOT NULL,           -- as in posthouse-mailbox
  modSeqReserved INTEGER NOT NULL,
  specialUse TEXT NOT NULL,               -- separated by spaces
  isScanned INTEGER NOT NULL DEFAULT 0,   -- every file has its row
  newMtime TEXT NOT NULL DEFAULT '',      -- ns, when the index last agreed with the directory
  curMtime TEXT NOT NULL DEFAULT '',
  recordedMs INTEGER NOT NULL DEFAULT 0,  -- when these were read
  scannedMs INTEGER NOT NULL DEFAULT 0,   -- when the directories were last listed
  uidListSeen TEXT NOT NULL DEFAULT '',   -- inode:size:mtime of dovecot-uidlist as we left it
  mailboxFileSeen TEXT NOT NULL DEFAULT '', -- the same of posthouse-mailbox
  historyModSeq INTEGER NOT NULL DEFAULT 0, -- every expunge with a larger modseq is in expunged
  -- Kept by the triggers below.
  messages INTEGER NOT NULL DEFAULT 0,
  unseen INTEGER NOT NULL DEFAULT 0,
  deleted INTEGER NOT NULL DEFAULT 0,
  recent INTEGER NOT NULL DEFAULT 0,
  bytes INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE messages (
  mailbox INTEGER NOT NULL,
  uid INTEGER NOT NULL,
  flags INTEGER NOT NULL,                 -- systemFlagBits, 32 in new/, 64 with LF line ends
  keywordSet INTEGER NOT NULL,
  modSeq INTEGER NOT NULL,
  size INTEGER NOT NULL,                  -- RFC822.SIZE: with CRLF line ends
  internalMs REAL NOT NULL,
  saveMs REAL NOT NULL,
  PRIMARY KEY (mailbox, uid)
) STRICT, WITHOUT ROWID;
CREATE INDEX messagesByModSeq ON messages (mailbox, modSeq);

CREATE TABLE files (
  mailbox INTEGER NOT NULL,
  key TEXT NOT NULL,
  uid INTEGER NOT NULL,
  info TEXT NOT NULL,                     -- ':2,S' as last seen or written
  PRIMARY KEY (mailbox, key)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX filesByUid ON files (mailbox, uid);

CREATE TABLE details (
  id INTEGER PRIMARY KEY,                 -- detailsId()
  envelope BLOB NOT NULL,
  bodyStructure BLOB NOT NULL,
  body BLOB NOT NULL,
  parts BLOB NOT NULL,
  emailId BLOB NOT NULL,
  threadId BLOB NOT NULL,
  crc INTEGER NOT NULL DEFAULT -1         -- of all of these; -1: nobody counted it
) STRICT;

CREATE TABLE keywordSets (id INTEGER PRIMARY KEY, names TEXT NOT NULL UNIQUE) STRICT;
INSERT INTO keywordSets VALUES (0, '');

CREATE TABLE keywords (                   -- 0 to 25 as in dovecot-keywords, then posthouse-mailbox
  mailbox INTEGER NOT NULL,
  position INTEGER NOT NULL,
  name TEXT NOT NULL,
  PRIMARY KEY (mailbox, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE expunged (
  mailbox INTEGER NOT NULL,
  uid INTEGER NOT NULL,
  modSeq INTEGER NOT NULL,
  PRIMARY KEY (mailbox, uid)
) STRICT, WITHOUT ROWID;
CREATE INDEX expungedByModSeq ON expunged (mailbox, modSeq);

CREATE TABLE annotations (                -- RFC 5464; mailbox 0 is the account
  mailbox INTEGER NOT NULL,
  user TEXT NOT NULL,                     -- whose /private it is: '' is the account's own
  entry TEXT NOT NULL,                    -- in lower case
  value BLOB NOT NULL,
  PRIMARY KEY (mailbox, user, entry)
) STRICT, WITHOUT ROWID;

CREATE TABLE rights (                     -- RFC 4314
  mailbox INTEGER NOT NULL,
  identifier TEXT NOT NULL,
  rights TEXT NOT NULL,
  PRIMARY KEY (mailbox, identifier)
) STRICT, WITHOUT ROWID;

CREATE TABLE about (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO about VALUES ('version', '${schemaVersion}');

CREATE TABLE deliveries (
  id TEXT PRIMARY KEY,
  atMs INTEGER NOT NULL,
  uidValidity INTEGER NOT NULL,
  uid INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE intents (                    -- renames of folders that were begun
  id INTEGER PRIMARY KEY,
  fromFolder TEXT NOT NULL,
  toFolder TEXT NOT NULL
) STRICT;

CREATE TRIGGER mailboxRemoved AFTER DELETE ON mailboxes BEGIN
  DELETE FROM messages WHERE mailbox = old.id;
  DELETE FROM files WHERE mailbox = old.id;
  DELETE FROM keywords WHERE mailbox = old.id;
  DELETE FROM expunged WHERE mailbox = old.id;
  DELETE FROM annotations WHERE mailbox = old.id;
  DELETE FROM rights WHERE mailbox = old.id;
  DELETE FROM details WHERE id BETWEEN old.id * 4294967296 AND old.id * 4294967296 + 4294967295;
END;
CREATE TRIGGER messageAdded AFTER INSERT ON messages BEGIN
  UPDATE mailboxes SET messages = messages + 1, bytes = bytes + new.size,
    unseen = unseen + ((new.flags & 8) = 0), deleted = deleted + ((new.flags & 4) <> 0),
    recent = recent + ((new.flags & 32) <> 0)
  WHERE id = new.mailbox;
END;
CREATE TRIGGER messageRemoved AFTER DELETE ON messages BEGIN
  UPDATE mailboxes SET messages = messages - 1, bytes = bytes - old.size,
    unseen = unseen - ((old.flags & 8) = 0), deleted = deleted - ((old.flags & 4) <> 0),
    recent = recent - ((old.flags & 32) <> 0)
  WHERE id = old.mailbox;
END;
CREATE TRIGGER messageFlagged AFTER UPDATE OF flags, size ON messages
WHEN (old.flags & 44) <> (new.flags & 44) OR old.size <> new.size BEGIN
  UPDATE mailboxes SET bytes = bytes - old.size + new.size,
    unseen = unseen - ((old.flags & 8) = 0) + ((new.flags & 8) = 0),
    deleted = deleted - ((old.flags & 4) <> 0) + ((new.flags & 4) <> 0),
    recent = recent - ((old.flags & 32) <> 0) + ((new.flags & 32) <> 0)
  WHERE id = new.mailbox;
END;
PRAGMA user_version = ${schemaVersion};
`;
