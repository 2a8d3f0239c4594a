/**
 * The index: when is what due, and what was said. Everything in it but the replies, the attempts and the times follows from the spool files, so that it may be deleted: the next scan makes
 * it anew, and then everything is due at once.
 *
 * A delivery is the part of an entry that goes to one destination; it is what is claimed and retried.
 *
 * A lease is no more than a time of the next attempt in the future: a claim moves `due_ms` to the end
 * of the lease, a renewal moves it on, and when the holder dies the delivery falls due by itself.
 * `fence` changes with every claim; whoever writes names the fence that he was given, and a write with
 * an old one changes nothing.
 *
 * `destination.next_due_ms` is the least `due_ms` of its deliveries, and not before `paused_until_ms`: a
 * destination of which no host answers is left alone for a while, with all that waits for it. So the next destination to serve
 * is one step in an index, also when 100,000 messages wait for a destination that is busy.
 */
export const INDEX_VERSION = 6;

/**
 * What was tried. Not in the spool files: those grow only, are read whole before each attempt, and a letter
 * to a thousand domains would be past the limit of its file by what was said. Here old ones go, and nothing
 * is written that the delivery's own row does not cost anyway.
 */
const attemptTable = `
CREATE TABLE attempt (
  entry INTEGER NOT NULL REFERENCES entry,
  delivery INTEGER NOT NULL,
  number INTEGER NOT NULL,
  destination TEXT NOT NULL,
  at_ms INTEGER NOT NULL,
  next_ms INTEGER,                    -- NULL when it was the last one
  told TEXT NOT NULL,                 -- hosts and answers, as JSON
  dialogues TEXT,                     -- of the hosts, as JSON; NULL once newer attempts have theirs
  PRIMARY KEY (entry, delivery, number)
) WITHOUT ROWID;
`;

/** Addresses that refused mail of an account; lost with the index, since they say so again. */
const bounceTable = `
CREATE TABLE bounce (
  account TEXT NOT NULL,
  address TEXT NOT NULL,
  times TEXT NOT NULL,                -- the last ones, as JSON
  last_ms INTEGER NOT NULL,
  reply TEXT NOT NULL,
  remote_host TEXT NOT NULL,
  PRIMARY KEY (account, address)
) WITHOUT ROWID;
CREATE INDEX bounce_last ON bounce (last_ms);
`;

/** From each version to the next, for an index that is there; the first one is from 1 to 2. */
export const indexMigrations: readonly string[] = [
  `
ALTER TABLE destination ADD COLUMN paused_until_ms INTEGER NOT NULL DEFAULT 0;
ALTER TABLE destination ADD COLUMN failures INTEGER NOT NULL DEFAULT 0;
CREATE TABLE sender (
  reverse_path TEXT PRIMARY KEY,
  entries INTEGER NOT NULL
) WITHOUT ROWID;
INSERT INTO sender SELECT reverse_path, count(*) FROM entry GROUP BY reverse_path;
`,
  attemptTable,
  bounceTable,
  "ALTER TABLE entry ADD COLUMN held_by TEXT;",
  "ALTER TABLE delivery ADD COLUMN holder TEXT;",
];

export const indexSchema = `
CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;

CREATE TABLE entry (
  entry INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  message_id TEXT NOT NULL,
  reverse_path TEXT NOT NULL,
  received_at_ms INTEGER NOT NULL,
  message_bytes INTEGER NOT NULL,
  is_held INTEGER NOT NULL,
  held_by TEXT                        -- the rule that stopped it
);
CREATE INDEX entry_message_id ON entry (message_id);

CREATE TABLE destination (
  destination INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  next_due_ms INTEGER,
  paused_until_ms INTEGER NOT NULL DEFAULT 0,
  failures INTEGER NOT NULL DEFAULT 0 -- attempts in a row at which no host answered
);
CREATE INDEX destination_due ON destination (next_due_ms);

CREATE TABLE sender (
  reverse_path TEXT PRIMARY KEY,
  entries INTEGER NOT NULL            -- how many it has in the queue
) WITHOUT ROWID;

CREATE TABLE delivery (
  delivery INTEGER PRIMARY KEY,
  entry INTEGER NOT NULL REFERENCES entry,
  destination INTEGER NOT NULL REFERENCES destination,
  due_ms INTEGER,                     -- NULL while the entry is on hold
  is_leased INTEGER NOT NULL DEFAULT 0,
  fence INTEGER NOT NULL DEFAULT 0,
  attempts INTEGER NOT NULL DEFAULT 0,
  holder TEXT                         -- the name of whoever leased it last; NULL without a name
);
CREATE INDEX delivery_due ON delivery (destination, due_ms);
CREATE INDEX delivery_entry ON delivery (entry);

CREATE TABLE recipient (
  entry INTEGER NOT NULL REFERENCES entry,
  n INTEGER NOT NULL,                 -- the recipient's place in the envelope
  delivery INTEGER,                   -- NULL once it is done with
  address TEXT NOT NULL,
  status TEXT,                        -- NULL while it is not final
  reply TEXT,                         -- the last one, as JSON
  remote_host TEXT,
  replied_at_ms INTEGER,
  PRIMARY KEY (entry, n)
) WITHOUT ROWID;
${attemptTable}${bounceTable}`;
