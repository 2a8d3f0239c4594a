const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;

/** What the queue may cost, and how long things may lie. */
export const limits = {
  /** A message up to this size is kept in memory until commit, and written by one write(2). */
  draftMemoryBytes: 64 * 1024,
  /** Envelope and records of one entry: 10,000 recipients with long replies stay under it. */
  tailBytesMax: 32 * 1024 * 1024,
  /** A file below this size is read at once, and its message kept while it is being delivered. */
  wholeFileBytesMax: 16 * 1024,
  /** Files that a scan reads before it lets others have their turn: some milliseconds. */
  admittedAtATime: 32,
  /** One read of a message on its way out. */
  readBytes: 64 * 1024,
  /** tmp/: no client sends one message for longer; the maker of an older file is dead. */
  tmpAgeMsMax: 36 * HOUR_MS,
  /** held/: local delivery answers within 20 s (design), so the maker of an older file is dead. */
  heldAgeMsMax: 2 * HOUR_MS,
  /** A lease that nobody renewed for so long belongs to a dead process. */
  leaseMs: 90 * SECOND_MS,
  /** Three renewals may be lost before a lease is. */
  leaseRenewMs: 30 * SECOND_MS,
  /** After so long without a renewal the holder itself stops, before another may start. */
  leaseTrustMs: 75 * SECOND_MS,
  /** What the index could not take, on a full disk say, is offered to it again so often. */
  giveBackEveryMs: SECOND_MS,
  /** Text of one reply as it is kept: enough for people. A remote host may say half a megabyte. */
  replyTextCharsMax: 1024,
  /** Attempts at one destination that `queue show` tells of: more than there are in five days. */
  attemptsKeptMax: 150,
  /** And those whose dialogues are kept: some KiB each. */
  dialoguesKeptMax: 5,
  /** Hosts of one attempt, the last ones; smtp-out asks 6, and some of them twice. */
  triesKeptMax: 12,
  /** Different answers of one attempt. */
  answersKeptMax: 8,
  /** Entries that a rule stopped and that are let go on at a time. */
  rulePageRows: 500,
  /** Refused addresses that are remembered, of all accounts; the oldest go. */
  bouncesKeptMax: 50_000,
  /** Over that by so many at most: counting them is not free. */
  bouncesBetweenCounts: 500,
  /** A file that the disk does not give now (EIO, EACCES) is asked for again after so long. */
  unreadableWaitMs: MINUTE_MS,
  /** A writer waits so long for its connection to smtp-out before it forgets its pokes. */
  pokeWaitMs: 5 * SECOND_MS,
  /** A destination of which no host answers is left alone for so long, twice as long each time. */
  pauseMs: MINUTE_MS,
  pauseMsMax: 15 * MINUTE_MS,
  /** One step of MT-PRIORITY is as good as having waited so much longer. */
  priorityStepMs: 10 * MINUTE_MS,
  /** And each entry that a sender has waiting is as bad as having come so much later. */
  senderStepMs: 250,
  /** Calls to the index gather so long after those before them, unless one of them is urgent. */
  indexGatherMs: 2,
  /** Another process's transaction on the index takes milliseconds; after this it is stuck. */
  indexBusyMs: 10 * SECOND_MS,
} as const;
