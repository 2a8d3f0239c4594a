import type { Migration } from "./open-database.ts";

/**
 * directory.sqlite, version by version. A migration that was released is never edited.
 *
 * Domains are A-labels in lower case, local parts of ours in lower case and NFC.
 */
export const directoryMigrations: readonly Migration[] = [
  `
  CREATE TABLE domains (
    name        TEXT PRIMARY KEY,
    created_ms  INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE accounts (
    number          INTEGER PRIMARY KEY,     -- grows: the first account is the oldest
    id              TEXT NOT NULL UNIQUE,    -- [a-z0-9]{16}, never given out twice
    local_part      TEXT NOT NULL,
    domain          TEXT NOT NULL REFERENCES domains (name),
    quota_bytes     INTEGER,                 -- NULL: no limit
    quota_messages  INTEGER,
    created_ms      INTEGER NOT NULL,
    UNIQUE (domain, local_part)
  ) STRICT;

  CREATE TABLE aliases (
    number      INTEGER PRIMARY KEY,
    local_part  TEXT NOT NULL,               -- '': the catch-all of the domain
    domain      TEXT NOT NULL REFERENCES domains (name),
    UNIQUE (domain, local_part)
  ) STRICT;

  CREATE TABLE alias_targets (
    number   INTEGER PRIMARY KEY,            -- grows: targets keep the order they were given in
    alias    INTEGER NOT NULL REFERENCES aliases (number) ON DELETE CASCADE,
    address  TEXT NOT NULL,                  -- a remote local part as it was written (RFC 5321 §2.4)
    UNIQUE (alias, address)
  ) STRICT;

  CREATE TABLE sender_grants (
    account     TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    local_part  TEXT NOT NULL,               -- '': every address of the domain
    domain      TEXT NOT NULL,
    PRIMARY KEY (account, domain, local_part)
  ) STRICT, WITHOUT ROWID;
  `,
  `
  ALTER TABLE accounts ADD COLUMN compression TEXT CHECK (compression = 'zstd');  -- NULL: none
  ALTER TABLE accounts ADD COLUMN format TEXT CHECK (format = 'mbox');             -- NULL: Maildir
  `,
  `
  -- 1: the account's own password logs in to no mail protocol, only app passwords do.
  ALTER TABLE accounts ADD COLUMN app_passwords_only INTEGER NOT NULL DEFAULT 0;
  `,
  `
  -- Domains whose every address is the one of the same local part in another.
  CREATE TABLE domain_aliases (
    name    TEXT PRIMARY KEY,
    domain  TEXT NOT NULL REFERENCES domains (name) ON DELETE CASCADE
  ) STRICT, WITHOUT ROWID;

  -- What a catch-all does not catch.
  CREATE TABLE catch_all_exceptions (
    domain      TEXT NOT NULL REFERENCES domains (name) ON DELETE CASCADE,
    local_part  TEXT NOT NULL,
    PRIMARY KEY (domain, local_part)
  ) STRICT, WITHOUT ROWID;
  `,
  `
  ALTER TABLE aliases ADD COLUMN accepts_from TEXT CHECK (accepts_from IN ('people', 'members'));  -- NULL: anybody
  ALTER TABLE aliases ADD COLUMN receives_only INTEGER NOT NULL DEFAULT 0;  -- 1: its members do not send as it
  `,
  `
  -- An alias that is a mailing list; its targets are the members.
  CREATE TABLE lists (
    alias  INTEGER PRIMARY KEY REFERENCES aliases (number) ON DELETE CASCADE,
    name   TEXT NOT NULL,                    -- '': none
    posts  TEXT NOT NULL CHECK (posts IN ('anybody', 'people', 'members', 'named'))
  ) STRICT;

  CREATE TABLE list_people (
    list     INTEGER NOT NULL REFERENCES lists (alias) ON DELETE CASCADE,
    role     TEXT NOT NULL CHECK (role IN ('owner', 'poster')),
    address  TEXT NOT NULL,                  -- as in alias_targets
    PRIMARY KEY (list, role, address)
  ) STRICT, WITHOUT ROWID;
  `,
  `
  -- Who may not log in ('logins'), and whose mail is refused besides ('all'); NULL: neither.
  ALTER TABLE accounts ADD COLUMN disabled TEXT CHECK (disabled IN ('logins', 'all'));
  -- Its address to be, while its mail is moved there; NULL: it stays.
  ALTER TABLE accounts ADD COLUMN moving_to TEXT;
  -- Until when it can be restored; NULL: it was not removed.
  ALTER TABLE accounts ADD COLUMN removed_until_ms INTEGER;
  -- 1: nothing is taken out of Junk and Trash for its age.
  ALTER TABLE accounts ADD COLUMN keeps_old INTEGER NOT NULL DEFAULT 0;
  `,
  `
  -- Where new mail is told of; NULL: nowhere. What signs it is in secrets.sqlite.
  ALTER TABLE accounts ADD COLUMN webhook_url TEXT;
  `,
];
