import type {
  AccountRef,
  Appended,
  AppendRequest,
  Copied,
  FlagChange,
  Hierarchy,
  MailboxChanges,
  MailboxInfo,
  MailboxStatus,
  MessageColumns,
  MessageSummary,
  SpecialUse,
  StoredMessage,
  Uid,
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
  openAccount(account: AccountRef): Promise<AccountMail>;
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
  /** With its children; INBOX gives its messages away and stays (RFC 9051 §6.3.6). */
  renameMailbox(from: string, to: string): Promise<void>;
  /** With its messages. A mailbox with children becomes \Noselect (RFC 9051 §6.3.5). INBOX is "not-permitted". */
  deleteMailbox(name: string): Promise<void>;
  /** Names that do not exist may be subscribed (RFC 9051 §6.3.7). */
  setSubscribed(name: string, isSubscribed: boolean): Promise<void>;
  /** "not-found" when there is none. Mailboxes opened twice share their columns. */
  openMailbox(name: string, options?: { readonly readOnly?: boolean }): Promise<Mailbox>;
  status(name: string): Promise<MailboxStatus>;
  /** All or none, in order (RFC 3502); resolves when all are durable. "not-found", "over-quota", "too-large", "bad-message" (a NUL). */
  append(mailboxName: string, messages: readonly AppendRequest[]): Promise<Appended>;
  /**
   * Final delivery of one message: as append(), and into new/, so that it is \Recent to the first that
   * selects. `deliveryId` names this hand-over (message id and recipient): the same one again within
   * seven days stores nothing and resolves as the first time.
   */
  deliver(mailboxName: string, message: AppendRequest, deliveryId: string): Promise<Appended>;
  /** Bytes and messages now, and the limits that the account was opened with. */
  quota(): Promise<{ readonly bytes: number; readonly messages: number }>;
  /** Called soon after anything in the account changed, by whatever process; it only wakes. */
  onChange(wake: () => void): Disposable;
  /** The maildrop lock of RFC 1939 §3, for one POP3 session across processes; undefined when another has it. */
  lockMaildrop(): Promise<AsyncDisposable | undefined>;
  /** What files and index disagree about, one sentence each; with `repair`, after it is put right. */
  check(options?: { readonly repair?: boolean }): Promise<readonly string[]>;
}

/** One open mailbox. Nothing here knows sequence numbers. */
export interface Mailbox extends AsyncDisposable {
  readonly name: string;
  readonly mailboxId: string;
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
  /** "gone" when the message was expunged or its file vanished. */
  openMessage(uid: Uid): Promise<StoredMessage>;
  /** Resolves when durable: files renamed, index committed. `modified` were left alone by unchangedSince (RFC 7162 §3.1.3). */
  changeFlags(
    uids: readonly Uid[],
    change: FlagChange,
  ): Promise<{ readonly modified: readonly Uid[] }>;
  /** Removes these for good, whatever their flags. Those that are gone already are no error. */
  expunge(uids: readonly Uid[]): Promise<void>;
  /** Flags, keywords and INTERNALDATE come along (RFC 9051 §6.4.7). All or none. */
  copy(uids: readonly Uid[], targetName: string): Promise<Copied>;
  /** RFC 6851: a message is in at least one of the two at every moment. */
  move(uids: readonly Uid[], targetName: string): Promise<Copied>;
}
