/**
 * The search text of one account, `search.sqlite`. All of it can be made again from the message files.
 *
 * A text is stored once for all messages with the same octets, by EMAILID: to copy or move one reads
 * nothing. It stands here twice: as the trigrams that it has, which name the few messages that may fit, and
 * compressed, as it is compared. FTS5 keeps neither the text (content='') nor where in it a trigram is
 * (detail=none): the second would be three times the size, and the comparison is done anyway.
 *
 * Ids are never used again, so that one that was read in an older snapshot names that text or none.
 */
export const searchSchemaVersion = 1;

const grams =
  "fts5(text, content='', contentless_delete=1, detail=none, tokenize='trigram case_sensitive 1')";

export const searchSchema = `
CREATE TABLE mailboxes (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  guid TEXT NOT NULL,
  uidValidity INTEGER NOT NULL,
  uidDone INTEGER NOT NULL DEFAULT 0,     -- every message up to this was taken in
  UNIQUE (guid, uidValidity)
) STRICT;

CREATE TABLE messages (
  mailbox INTEGER NOT NULL,
  uid INTEGER NOT NULL,
  text INTEGER NOT NULL,                  -- texts.id; 0 when its file could not be found
  PRIMARY KEY (mailbox, uid)
) STRICT, WITHOUT ROWID;
CREATE INDEX messagesByText ON messages (text);

CREATE TABLE texts (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  emailId BLOB NOT NULL UNIQUE,
  header BLOB,                            -- text-record.ts; NULL for a text that is too large
  body BLOB
) STRICT;
CREATE INDEX textsTooLarge ON texts (id) WHERE header IS NULL;

CREATE VIRTUAL TABLE headerGrams USING ${grams};
CREATE VIRTUAL TABLE bodyGrams USING ${grams};
PRAGMA user_version = ${searchSchemaVersion};
`;
