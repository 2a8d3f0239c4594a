const KiB = 1024;
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

/** What the store may hold, wait for and keep. Every loop and buffer in this package stops at one of these. */
export const limits = {
  /** A message up to this is held in memory and written with one call; a larger one so much after so much. */
  bufferedBytesMax: 128 * KiB,
  /** One up to this is made one piece of memory first. */
  joinedBytesMax: 16 * KiB,
  /** Pieces in which message octets are given out. */
  readChunkBytes: 64 * KiB,
  /** A message up to this is read whole, together with others; one of 99 is longer. */
  readAtOnceBytesMax: 64 * KiB,
  /** The thread that reads messages ends when it had none for so long. */
  readerThreadIdleMs: MINUTE_MS,
  /** Read when a message is opened: its form is in its first octets, and most messages are no longer. */
  headBytes: 16 * KiB,
  /** Of a compressed message, each compressed alone: what is inflated in vain for an octet in its middle. */
  frameBytes: 256 * KiB,
  /** Takes 150 µs on the event loop; more is compressed in libuv's pool. */
  compressedAtOnceBytesMax: 16 * KiB,
  /** 8 octets a frame: enough for 2 GiB. */
  seekTableBytesMax: 64 * KiB,
  /** A compressed file may become messageBytesMax, or so many times itself: text does not reach 100. */
  inflationMax: 100,
  /** A compressed file whose name does not say its size is inflated in memory once, to count. */
  countedBytesMax: 64 * 1024 * KiB,
  /** Of an mbox message's header, where the store's own fields are looked for when they are changed. */
  mboxHeaderBytesMax: 1024 * KiB,
  /** Of one name on disk, by ext4, XFS, btrfs and ZFS alike. */
  folderNameOctetsMax: 255,
  /** Ours, not Maildir's: a client that makes more is broken. */
  mailboxesMax: 10_000,
  /** In one mailbox; 26 have letters in file names, the others stand in posthouse-mailbox. */
  keywordsMax: 128,
  keywordOctetsMax: 255,
  /** Largest UID and UIDVALIDITY (RFC 9051 §2.3.1.1). */
  uidMax: 0xffff_ffff,
  /** UIDs and modseqs that posthouse-mailbox reserves ahead: one more file write for each so many. */
  uidsReserved: 1_000,
  modSeqsReserved: 100_000,
  /** A repeated hand-over of smtp-in comes within its queue's lifetime. */
  deliveryMemoryMs: 7 * 24 * HOUR_MS,
  /** What an account has put aside of what was expunged; counted anew after so long. */
  expungedBytesMax: 1024 * 1024 * KiB,
  expungedMessagesMax: 100_000,
  expungedCountedMs: MINUTE_MS,
  /** With less of the disk free than this part, expunging makes room at once. */
  expungedDiskFreeMin: 0.05,
  /** Maildir's own rule: a file of tmp/ that is older belongs to nobody. */
  tmpAgeMsMax: 36 * HOUR_MS,
  /** Open databases, in each of the three threads: some 300 KiB each, which the process never gives back. */
  openIndexesMax: 64,
  /** Where new objects of a thread live: by default it grows to 48 MiB each, and is never given back. */
  threadYoungMib: 6,
  /** Mailboxes that are kept in memory when nobody has them open any more, and messages in all of them: 8 MiB. */
  restingMailboxesMax: 200,
  restingRowsMax: 200_000,
  /** What was not used for so long is closed, or kept small. */
  restMs: 30_000,
  /** ... in slices of so long, then others have their turn. */
  restSliceMs: 3,
  /** Accounts whose state is kept in memory after the last user has gone. */
  idleAccountsMax: 2_000,
  /** Rows of one bulk read before other work gets its turn: about 3 ms. */
  rowsPerSlice: 5_000,
  /** UIDs that went, taken out of columns in one go: about 10 ms; after more the rows are read again, in slices. */
  expungedAtOnceMax: 20_000,
  /** Messages of one value of packed columns: 400 KB, and half a millisecond to read. */
  messagesPerChunk: 10_000,
  /** Rows that were read to open a mailbox, for which it is worth packing its columns anew. */
  rowsWorthPacking: 2_000,
  /**
   * Messages of one STORE, EXPUNGE or MOVE that share one transaction: some 300 ms, for which other jobs
   * of the account wait. Each transaction syncs the directory, which with 100,000 names takes 20 ms.
   */
  messagesPerTransaction: 20_000,
  /** Between two transactions of one command, so that others who wait for the account come in between. */
  pauseBetweenTransactionsMs: 5,
  /** The thread for long jobs ends when it had none for so long. */
  slowThreadIdleMs: MINUTE_MS,
  /** From here on a job is a long one, and has a large cache of SQLite to itself (16 MiB). */
  messagesOfLargeJob: 500,
  /** For taking foreign files into the index in one transaction: each may have to be read whole. */
  adoptMsPerTransaction: 250,
  /** Files that are copied at once when a tree is taken over: they share syncs of the disk. */
  adoptionsAtOnce: 16,
  /** What dovecot-uidlist may hold of messages that are gone, before it is written anew. */
  uidListSlackBytes: 64 * KiB,
  /** Hand-overs that are older than deliveryMemoryMs are forgotten with each so many deliveries. */
  deliveriesPerForgetting: 1_000,
  /** Jobs of one account that share one commit. */
  jobsPerCommit: 500,
  /** Accounts whose directories are synced together, each with its transaction open meanwhile. */
  accountsPerSync: 64,
  summariesPerBatch: 200,
  /** Messages that are read together to be parsed, and for how long before others have their turn. */
  parsedTogether: 20,
  parseSliceMs: 5,
  /** Rows of sort keys of one read: up to 3 ms with long texts. */
  sortKeysPerSlice: 1_000,
  /** Files that are read for them at once. */
  sortHeadersAtOnce: 8,
  /** Combinations of their fields that one reader keeps prepared. */
  sortKeyQueriesMax: 8,
  /** Of a header that is read only for its sort keys. */
  sortHeaderBytesMax: 256 * KiB,
  /** Directories changed within the clock tick of our own change look unchanged (ext4: up to 10 ms). */
  mtimeGrainMs: 20,
  /**
   * Up to this many messages a scan is so cheap that doubt is settled at once, with the next command after
   * each change of our own. With 1,000 such scans took more of a processor than all writing.
   */
  cheapScanMessagesMax: 200,
  /** In a larger mailbox a change hidden in one clock tick is found at latest so long after. */
  rescanMs: MINUTE_MS,
  /** Waiting for another process's transaction, in the writer thread; for another program's lock, outside it. */
  lockWaitMs: 10_000,
  /** For another program's lock in the writer thread, once a holder: Dovecot's are held for 1 to 20 ms. */
  dotlockWaitMs: 100,
  /** Between two tries of a job that found a file locked. */
  lockedRetryMs: 100,
  /** Dovecot's own bound for its dovecot-uidlist.lock. */
  staleLockMs: 2 * MINUTE_MS,
  /** Between making a lock file and writing into it a living process needs no such time. */
  unsignedLockMs: 2_000,
  /** Where inotify has no watch left. */
  pollMs: 1_000,
  /** Foreign programs make many small changes at once. */
  foreignChangeDebounceMs: 50,
  /** Folded characters of one message in search.sqlite; one with more is marked there, and read when it is searched. */
  searchTextCharactersMax: 1024 * KiB,
  /** Of one header that are searched. */
  searchHeaderBytesMax: 1024 * KiB,
  /** Trigrams of one text that FTS5 is asked for; more make the answer hardly smaller. */
  searchTrigramsMax: 16,
  /** Messages of one question to the search thread: a client that goes away costs at most the rest of it. */
  searchSliceMessages: 5_000,
  /** Message files that one search reads at once: while one waits for the disk another is decoded. */
  searchFilesAtOnce: 4,
  /** Between turns of other searches in the search thread. */
  searchTurnMs: 10,
  /** Answers of FTS5 that are kept for the next slice of the same search, a few octets a message each. */
  searchCandidatesKept: 16,
  /** Search texts open for reading: about 1 MiB each. */
  openSearchTextsMax: 16,
  /** Of one transaction of the filling thread. */
  searchFillMs: 250,
  /** Of one account, while others wait to be filled. */
  searchFillTurnMs: 2_000,
  /**
   * After a mailbox was opened or changed: the client's own commands come first. What came meanwhile is read
   * by searches themselves. With 1 s an account that is in use was opened, written and closed each second,
   * with four syncs of the disk.
   */
  searchFillDelayMs: 10_000,
  /** Until an account is tried again that another process fills, or whose disk is full. */
  searchFillBusyMs: 5_000,
  searchFillFailedMs: 10 * MINUTE_MS,
  /** A filling thread with nothing to do ends after so long. */
  searchFillIdleMs: 30_000,
  /** expunged UIDs kept for QRESYNC in one mailbox; older ones are told as VANISHED by their absence. */
  expungedKeptMax: 100_000,
  /** Of one MULTIAPPEND, whose messages share one transaction and whose columns are held until then. */
  messagesPerAppendMax: 10_000,
  /** One annotation (RFC 5464 §4.3 MAXSIZE); posthouse-mailbox is written whole, so that all stay small. */
  annotationOctetsMax: 64 * KiB,
  annotationEntryOctetsMax: 1_024,
  /** Of one mailbox, or of the account, all users together (RFC 5464 §4.3 TOOMANY). */
  annotationsMax: 100,
  annotationsOctetsMax: 256 * KiB,
  /** Rows of rights in one mailbox, and the longest identifier in them. */
  rightsMax: 200,
  identifierOctetsMax: 255,
  /** Accounts that share with one: an entry is an address. */
  sharersMax: 1_000,
  /** A slice of a check holds the account so long; then whoever waits has his turn. */
  checkMsPerTransaction: 50,
  /** Findings of one kind in one mailbox that are told one by one. */
  findingsPerKindMax: 20,
  /** More keyword sets than this no account has: it is damage, and would fill the memory. */
  keywordSetsMax: 1_000_000,
} as const;
