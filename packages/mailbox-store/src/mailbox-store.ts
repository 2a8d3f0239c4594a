import type {
  AccountRef,
  AnnotationChange,
  AnnotationQuery,
  Annotations,
  Appended,
  AppendRequest,
  ChangesSince,
  Copied,
  Expunged,
  FlagChange,
  Hierarchy,
  MailboxChanges,
  MailboxInfo,
  MailboxRights,
  MailboxStatus,
  MessageColumns,
  MessageSummary,
  ModSeq,
  PopNames,
  QuotaUsage,
  RightsChange,
  SortKeyField,
  SortKeyRow,
  SpecialUse,
  StoredMessage,
  TextCriterion,
  Uid,
  UidSet,
  UidValidity,
} from "./types.ts";

/**
 * The front of the store: asynchronous and free of paths and SQL, so that a second implementation
 * can stand behind it. All methods reject with StoreError and nothing else that is foreseen.
 */
export interface MailStore extends AsyncDisposable {
  /**
   * Opens an account; makes its directory, INBOX and the special-use mailboxes (Drafts, Sent, Junk,
   * Trash, Archive, all subscribed) when it is new. Accounts opened twice share everything.
   */
  openAccount(account: AccountRef): Promise<OwnAccountMail>;
  /**
   * What was expunged of an account and can be brought back, as it is at this moment: a mailbox a day, called
   * 2026-11-29, with UIDs that stay. It is for reading: nobody is to change anything in it.
   */
  openExpungedMail(account: AccountRef): Promise<AccountMail>;
  /** Removes all mail of an account, for good. */
  removeAccount(account: AccountRef): Promise<void>;
}

/** The mailboxes of one account. */
export interface AccountMail extends AsyncDisposable {
  /** Of an account that was taken over, what its clients are used to. */
  readonly hierarchy: Hierarchy;
  /** Every mailbox and every subscribed name, sorted by name with INBOX first. */
  listMailboxes(): Promise<readonly MailboxInfo[]>;
  /** "exists", "not-permitted" (a name that cannot be), or "limit". Parents are made too (RFC 9051 §6.3.4). */
  createMailbox(
    name: string,
    options?: { readonly specialUse?: readonly SpecialUse[] },
  ): Promise<void>;
  /** RFC 6154 §5: in place of the uses that it has. "not-permitted" where another mailbox has one of these. */
  setSpecialUse(name: string, specialUse: readonly SpecialUse[]): Promise<void>;
  /** With its children; INBOX gives its messages away and stays (RFC 9051 §6.3.6). */
  renameMailbox(from: string, to: string): Promise<void>;
  /** With its messages. A mailbox with children becomes \Noselect (RFC 9051 §6.3.5). INBOX is "not-permitted". */
  deleteMailbox(name: string): Promise<void>;
  /** Names that do not exist may be subscribed (RFC 9051 §6.3.7). */
  setSubscribed(name: string, isSubscribed: boolean): Promise<void>;
  /** "not-found" when there is none. Mailboxes opened twice share their columns. */
  openMailbox(name: string, options?: OpenMailboxOptions): Promise<Mailbox>;
  status(name: string): Promise<MailboxStatus>;
  /**
   * All or none, in order (RFC 3502), also when the process is killed; resolves when all are durable.
   * The next request is asked for when the octets of the one before are on disk: a MULTIAPPEND is
   * streamed. "not-found", "over-quota", "limit" (too large, too many), "bad-message" (a NUL).
   */
  append(
    mailboxName: string,
    messages: Iterable<AppendRequest> | AsyncIterable<AppendRequest>,
  ): Promise<Appended>;
  /**
   * Final delivery of one message: as append(), and into new/, so that it is \Recent to the first that
   * selects. `deliveryId` names this hand-over (message id and recipient): the same one again within
   * seven days stores nothing and resolves as the first time.
   */
  deliver(mailboxName: string, message: AppendRequest, deliveryId: string): Promise<Appended>;
  /** What is there now, and the limits that the account was opened with. */
  quota(): Promise<QuotaUsage>;
  /** Annotations of a mailbox, or of the account without a name (RFC 5464). They go along with a rename. */
  annotations(mailboxName: string | undefined, query: AnnotationQuery): Promise<Annotations>;
  /** All or none. "not-permitted" (no such entry can be), "limit" (limits.ts: value, number, octets of a mailbox). */
  setAnnotations(
    mailboxName: string | undefined,
    changes: readonly AnnotationChange[],
    options?: { readonly user?: string },
  ): Promise<void>;
  /** Rows of RFC 4314, by identifier. They are kept and not enforced: whoever opened the account may all. */
  rights(mailboxName: string): Promise<readonly MailboxRights[]>;
  /** An identifier without a right is no row. */
  setRights(mailboxName: string, identifier: string, change: RightsChange): Promise<void>;
  /** Addresses of accounts that say they share with this one: where to look for rights. */
  sharers(): Promise<readonly string[]>;
  /** "limit" (limits.ts) when there are too many. */
  setSharer(address: string, isSharing: boolean): Promise<void>;
  /** Called soon after anything in the account changed, by whatever process; it only wakes. */
  onChange(wake: () => void): Disposable;
  /** The maildrop lock of RFC 1939 §3, for one POP3 session across processes; undefined when another has it. */
  lockMaildrop(): Promise<AsyncDisposable | undefined>;
  /** Resolves when the search text has all messages that are there now; search() answers the same without. */
  fillSearchText(): Promise<void>;
  /**
   * What files and index disagree about, one sentence each with what repair does; with `repair`, after it
   * is put right. In slices: whoever else uses the account has his turn between them.
   */
  check(options?: { readonly repair?: boolean }): Promise<readonly string[]>;
}

/** What only who opened the account has, and no front for its readers. */
export interface OwnAccountMail extends AccountMail {
  /** What was expunged or deleted and can be brought back, the latest day first. */
  listExpunged(): Promise<readonly Expunged[]>;
  /** Its octets; parts() is not for it. "gone" when its days are over. */
  openExpunged(id: string): Promise<StoredMessage>;
  /** Into a mailbox that is there, with flags and dates and with UIDs of their own; how many were still there. */
  restoreExpunged(ids: readonly string[], mailboxName: string): Promise<number>;
  /** A deleted mailbox as it was, with its UIDs; "exists" when the name is taken. */
  restoreMailbox(id: string, name: string): Promise<void>;
}

export interface OpenMailboxOptions {
  readonly readOnly?: boolean;
  /**
   * The id of an account that this mailbox is shared with: \Seen is that user's own, in columns, modseqs and
   * changeFlags. Absent: the owner's.
   */
  readonly user?: string;
}

/** One open mailbox. Nothing here knows sequence numbers. */
export interface Mailbox extends AsyncDisposable {
  readonly name: string;
  readonly mailboxId: string;
  /** Stands for the mailbox while it is open, the same in all handles of this process. */
  readonly shared: object;
  readonly uidValidity: UidValidity;
  readonly isReadOnly: boolean;
  /** As of the last sync() of anyone in this process. */
  readonly columns: MessageColumns;
  /** Keywords that are in use, for FLAGS and PERMANENTFLAGS. */
  readonly keywords: readonly string[];
  readonly uidNext: Uid;
  readonly highestModSeq: number;
  /**
   * Reads what other processes and programs changed, then says what is different from `since`
   * (the columns that the caller last saw).
   */
  sync(since: MessageColumns): Promise<MailboxChanges>;
  /**
   * Moves deliveries from new/ to cur/ and says which UIDs are \Recent to the caller. Only in a
   * read-write mailbox; a read-only one says which would be.
   */
  claimRecent(): Promise<ReadonlySet<number>>;
  /** In the order of `uids`; those that are gone are left out. Comes in batches, never one promise a message. */
  summaries(uids: readonly Uid[]): AsyncIterable<readonly MessageSummary[]>;
  /**
   * Which of these messages say what is sought, ascending within each batch; those that are gone say
   * nothing. Without regard to case. A batch may be empty; whoever stops asking for more stops the search.
   */
  search(criterion: TextCriterion, uids: readonly Uid[]): AsyncIterable<readonly Uid[]>;
  /**
   * What SORT and THREAD compare, `fields` of each message. `uids` are ascending; those that are gone are
   * left out. Comes in batches of no certain order, between which others have their turn.
   */
  sortKeys<const Fields extends readonly SortKeyField[]>(
    uids: readonly Uid[],
    fields: Fields,
  ): AsyncIterable<readonly SortKeyRow<Fields>[]>;
  /** What POP3 may call messages by, beside their UIDs; for one that keeps mail where another server had it. */
  popNames(options: { readonly withKeys: boolean }): Promise<PopNames>;
  /** "gone" when the message was expunged or its file vanished. */
  openMessage(uid: Uid): Promise<StoredMessage>;
  /**
   * Those of these messages that can be read at once: short ones as a rule. The others are for openMessage().
   * What they have together is in memory, and bounded by who asks; nothing needs to be closed. `withParts` when
   * the parts of each will be asked for: they are then read together as well.
   */
  readMessages(
    uids: readonly Uid[],
    options?: { readonly withParts: boolean },
  ): Promise<ReadonlyMap<Uid, StoredMessage>>;
  /** Resolves when durable: files renamed, index committed. `modified` were left alone by unchangedSince (RFC 7162 §3.1.3). */
  changeFlags(
    uids: readonly Uid[],
    change: FlagChange,
  ): Promise<{ readonly modified: readonly Uid[] }>;
  /** Removes these for good. Those that are gone already are no error. */
  expunge(
    uids: readonly Uid[] | UidSet,
    options?: {
      /** Leaves alone what is not \Deleted at that moment (RFC 4315 §2.1). */
      readonly ifDeleted?: boolean;
    },
  ): Promise<void>;
  /**
   * RFC 8508: stores a message in `targetName` and removes this one, both or neither. "gone" when it is
   * not there; otherwise as append().
   */
  replace(uid: Uid, targetName: string, message: AppendRequest): Promise<Appended>;
  /**
   * What happened since a modseq, up to the columns of now (RFC 7162 §3.2.5.1); of `knownUids` only,
   * where they are given.
   */
  changesSince(modSeq: ModSeq, options?: { readonly knownUids?: UidSet }): Promise<ChangesSince>;
  /** Flags, keywords and INTERNALDATE come along (RFC 9051 §6.4.7). All or none. */
  copy(uids: readonly Uid[], targetName: string): Promise<Copied>;
  /** RFC 6851: a message is in at least one of the two at every moment. */
  move(uids: readonly Uid[], targetName: string): Promise<Copied>;
}
