const KIB = 1024;
const GIB = 1024 ** 3;
const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;

/** What one client may cost us. Every loop and buffer in this app stops at one of these. */
export const limits = {
  /** RFC 2683 §3.2.1.5 asks for 8,000 octets at least; phones send long UID lists. */
  lineBytesMax: 64 * KIB,
  /** A SASL response in base64. */
  saslLineBytesMax: 12 * KIB,
  /** A literal in an argument. The message of an APPEND is not kept in memory and has its own bound. */
  literalBytesMax: 64 * KIB,
  /** A name or a password from somebody who has not logged in. */
  literalBytesMaxBeforeLogin: 4 * KIB,
  /** For the command that runs when a login ends, because of its account or password; then the connection is cut. */
  endedLoginMsMax: 10 * SECOND_MS,
  /** RFC 7888 §5: what a client may send unasked where LITERAL- is announced. */
  literalMinusBytesMax: 4 * KIB,
  /** All lines and literals of one command together, but for the message of an APPEND. */
  commandBytesMax: 256 * KIB,
  /** A non-synchronising literal that is refused is read and dropped up to here; above it we hang up. */
  discardedBytesMax: 4 * GIB,

  /** Parentheses, NOT and OR inside each other in SEARCH: each is a call on the stack. */
  searchDepthMax: 50,
  /** Search keys of one command. */
  searchKeysMax: 1000,
  /** Filters inside filters: RFC 5466 §3.1 asks for 3. */
  filterDepthMax: 5,
  /** Filters that one search may name, those in filters with them. */
  filtersMax: 50,
  /** Words of one FUZZY text that are sought each by itself. */
  fuzzyWordsMax: 10,
  /** References of all messages of one THREAD: 16 MiB. Beyond it only the parent of each message counts. */
  threadReferencesMax: 2_000_000,
  /** Messages whose sort keys are kept in memory for the next SORT, of open mailboxes: some 100 octets each. */
  sortedMessagesKeptMax: 300_000,
  /** Searches of one connection whose results are kept up to date (RFC 5267 §4.3.1). */
  searchContextsMax: 16,
  /** Messages of a sorted result that is kept up to date: each change sorts it anew. */
  sortContextMessagesMax: 5_000,
  /** Mailboxes of one ESEARCH. */
  searchedMailboxesMax: 1_000,
  /** Fewer messages a batch are no batch; RFC 10022 has the client ask for 500 at least. */
  uidBatchMessagesMin: 500,
  /** Messages in all batches of one UIDBATCHES. */
  uidBatchesMessagesMax: 1_000_000,
  /** Items of one FETCH, counted after macros. */
  fetchAttributesMax: 200,
  /** Pieces of one message in CATENATE. */
  catenatedPartsMax: 1000,
  /** URLs of one URLFETCH or GENURLAUTH. */
  urlsMax: 100,
  /** Names in one HEADER.FIELDS list. */
  headerFieldNamesMax: 500,
  /** Groups of one NOTIFY: each is held against each mailbox. */
  notifyGroupsMax: 100,
  /** Mailboxes whose messages one NOTIFY watches: each is looked at after each change (RFC 5465 §5.8). */
  notifyMailboxesMax: 500,
  /** Numbers in one section: nesting of MIME parts. */
  sectionDepthMax: 100,
  /** Patterns of one LIST: each is held against each mailbox. */
  listPatternsMax: 100,
  /** All patterns of one LIST together: matching takes time in proportion. */
  listPatternCharactersMax: 4000,
  /** A mailbox name in UTF-8 octets; what the disk can hold is the store's to say. */
  mailboxNameBytesMax: 1000,
  /** Values of annotations; the store takes no more (RFC 5464 §4.3 MAXSIZE). */
  annotationBytesMax: 64 * KIB,
  /** The name of an entry; as in the store. */
  annotationEntryBytesMax: 1024,
  /** Entries of one GETMETADATA or SETMETADATA. */
  annotationEntriesMax: 100,
  /** Accounts of others that one session has open: LIST looks into each that shares. */
  sharersMax: 100,
  /** Flags in one list. */
  flagsMax: 200,

  /** A header is read into memory for HEADER.FIELDS and SEARCH up to here; fields beyond it are not seen. */
  headerBytesMax: 1024 * KIB,
  /** Words in a PREVIEW (RFC 8970 §3.3). */
  previewCharactersMax: 200,
  /** Octets of a part that are looked at for them; the styles of a newsletter take some. */
  previewBytesMax: 64 * KIB,
  /** Text parts that are looked at, where the first have no words. */
  previewPartsMax: 4,
  /** Previews that the process keeps, each at most 800 octets. */
  previewsKeptMax: 10_000,
  /** Fields that were selected for HEADER.FIELDS and are kept until they are written; more are selected again. */
  fieldsKeptBytesMax: 16 * KIB,
  /** Messages that one FETCH reads at once; while some go out, the next ones are read. */
  readAheadBytes: 256 * KIB,
  /** Octets waiting for the client before an answer stops and waits too. */
  answerBytesAhead: 64 * KIB,
  /** The longest stretch of work before other connections get a turn. */
  sliceMs: 10,
  /** Messages of one read from the store's index, and of one \Seen. */
  fetchBatchMessages: 200,
  /** Ranges of UIDs in one VANISHED line: about 8 KiB. */
  vanishedRangesPerLine: 500,
  /** Octets of bodies behind one \Seen: a client that goes away has at most these marked and not read. */
  fetchBatchBytes: 1024 * KIB,

  /** Commands in a row that were not understood: that is no IMAP client. */
  badCommandsMax: 20,
  /** Wrong passwords on one connection; apps/auth counts them by address too. */
  failedLoginsMax: 5,
  connectionsMax: 10_000,
  /** Of all processes on average, and another worker is started, however little they do. */
  connectionsPerWorker: 1_000,
  /** Threads of the store: nobody waits for the large STORE or COPY of everybody else. */
  writerThreadsMax: 2,
  /** Connections of one account from one address: a client opens up to one a mailbox (RFC 5530 LIMIT). */
  connectionsPerAccountAndAddressMax: 50,

  /** For so long a mailbox is known to have no script, or which: another process may change it. */
  scriptNameMs: SECOND_MS,
  /** Between two words that a command is still running (RFC 9585): clients give up after a minute or so. */
  inProgressMs: 10 * SECOND_MS,
  /** From the greeting to a login. */
  loginMsMax: 2 * MINUTE_MS,
  /** RFC 3501 §5.4: at least 30 minutes. */
  idleMsMax: 31 * MINUTE_MS,
  /** A client that sends nothing for so long inside the message of an APPEND is gone. */
  stalledMsMax: 5 * MINUTE_MS,
} as const;
