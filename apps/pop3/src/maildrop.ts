import type { Account } from "@posthouse/accounts";
import {
  type AccountMail,
  type Mailbox,
  type MailStore,
  type MessageColumns,
  type PopNames,
  type StoredMessage,
  systemFlagBits,
  type Uid,
} from "@posthouse/mailbox-store";
import { limits } from "./limits.ts";
import { ReadAhead } from "./read-ahead.ts";
import { refused } from "./reply.ts";
import type { UidlFormat } from "./uidl-format.ts";

/**
 * The maildrop of one session: INBOX as it was at login, under lock, with numbers that do not move.
 *
 * Message n is row n - 1 of a snapshot of the mailbox's columns. What IMAP clients expunge meanwhile
 * keeps its number and is found gone when it is read; what is delivered meanwhile is for the next
 * session. DELE only marks here: nothing is removed before update(), and update() is called by QUIT
 * alone, so that a connection that breaks removes nothing (RFC 1939 §6).
 */
export class Maildrop implements AsyncDisposable {
  readonly account: Account;
  readonly #mailbox: Mailbox;
  readonly #columns: MessageColumns;
  readonly #resources: AsyncDisposableStack;
  readonly #marked = new Set<number>();
  #markedBytes = 0;
  readonly #totalBytes: number;
  #popNames: Promise<PopNames> | undefined;
  readonly #readAhead: ReadAhead;
  /** Sent whole, and not \Seen on disk yet. */
  readonly #seen = new Set<Uid>();
  #flushing: Promise<void> = Promise.resolve();

  private constructor(
    account: Account,
    mailbox: Mailbox,
    columns: MessageColumns,
    readAhead: ReadAhead,
    resources: AsyncDisposableStack,
  ) {
    this.account = account;
    this.#mailbox = mailbox;
    this.#columns = columns;
    this.#resources = resources;
    this.#readAhead = readAhead;
    this.#totalBytes = columns.sizes.reduce((sum, size) => sum + size, 0);
  }

  /** Undefined when another session has it. A lock that was taken is given back when the rest fails. */
  static async open(store: MailStore, account: Account): Promise<Maildrop | undefined> {
    await using resources = new AsyncDisposableStack();
    const mail: AccountMail = resources.use(await store.openAccount(account));
    const lock = await mail.lockMaildrop();
    if (lock === undefined) return undefined;
    resources.use(lock);
    const mailbox = resources.use(await mail.openMailbox("INBOX"));
    const readAhead = new ReadAhead(mailbox);
    // Before the snapshot: what is expunged behind it is heard of.
    resources.use(mail.onChange(() => readAhead.forget()));
    const { after } = await mailbox.sync(mailbox.columns);
    return new Maildrop(account, mailbox, after, readAhead, resources.move());
  }

  /** Of messages that are not marked, as everything that counts here (RFC 1939 §5, STAT). */
  get messageCount(): number {
    return this.#columns.length - this.#marked.size;
  }

  get sizeBytes(): number {
    return this.#totalBytes - this.#markedBytes;
  }

  /** `2 messages (320 octets)`. */
  get summary(): string {
    const { messageCount, sizeBytes } = this;
    return `${messageCount} ${messageCount === 1 ? "message" : "messages"} (${sizeBytes} octets)`;
  }

  /** The numbers of messages that are not marked, ascending. */
  *numbers(): Generator<number, void, void> {
    for (let number = 1; number <= this.#columns.length; number += 1) {
      if (!this.#marked.has(number)) yield number;
    }
  }

  /** Throws when there is no such message, or it is marked as deleted (RFC 1939 §5). */
  require(number: number): void {
    const { length } = this.#columns;
    if (number < 1 || number > length) {
      throw refused(`No such message, the maildrop has ${length}`);
    }
    if (this.#marked.has(number)) throw refused(`Message ${number} is already deleted`);
  }

  /** Octets as RETR sends them, before dots are stuffed (RFC 1939 §11). */
  sizeOf(number: number): number {
    return this.#columns.sizes[number - 1] ?? 0;
  }

  /**
   * The unique-ids of RFC 1939 §7: by default UIDVALIDITY and UID, which together are given to one message
   * only, and are the same whoever came before and by whatever protocol. What an earlier server wrote down
   * for its clients holds above all.
   */
  async uniqueIds(format: UidlFormat): Promise<(number: number) => string> {
    this.#popNames ??= this.#mailbox.popNames({ withKeys: format.needsKeys });
    const { given, keys } = await this.#popNames;
    const { uidValidity } = this.#mailbox;
    return (number) => {
      const uid = this.#uidOf(number);
      return given.get(uid) ?? format.idOf({ uid, uidValidity, key: keys.get(uid) ?? `${uid}` });
    };
  }

  /** @throws StoreError "gone" when another client expunged it */
  async openMessage(number: number): Promise<StoredMessage> {
    const ahead = await this.#readAhead.take(number, () => this.#from(number));
    return ahead ?? (await this.#mailbox.openMessage(this.#uidOf(number)));
  }

  mark(number: number): void {
    this.#marked.add(number);
    this.#markedBytes += this.sizeOf(number);
  }

  unmarkAll(): void {
    this.#marked.clear();
    this.#markedBytes = 0;
  }

  /** Has sent all of a message to its reader: \Seen, in batches, since each is a write to disk. */
  async sawMessage(number: number): Promise<void> {
    const flags = this.#columns.systemFlags[number - 1] ?? 0;
    if ((flags & systemFlagBits["\\Seen"]) !== 0) return;
    this.#seen.add(this.#uidOf(number));
    if (this.#seen.size < limits.seenBatchMessages) return;
    await this.#flushing;
    // Beside what is sent meanwhile. What goes wrong is thrown to whoever waits for it next.
    this.#flushing = this.#flushSeen();
    this.#flushing.catch(() => undefined);
  }

  /**
   * The UPDATE state: removes exactly what is marked, and says how many.
   *
   * The only write of this app that cannot be taken back. The crash table of the store's expunge() is
   * above it there; here:
   *
   *   state   reply    on disk           after a crash here
   *   U1      none     all still there   nothing is removed; the client marks them again
   *   U2      none     some removed      exactly these are gone, all of them marked; the rest as in U1
   *   U3      none     all removed       done; the client has seen no +OK, and finds them gone
   *   U4      +OK      all removed       done
   *
   * RFC 1939 §6 allows each of them: no message goes that was not marked.
   */
  async update(): Promise<number> {
    const uids = [...this.#marked].map((number) => this.#uidOf(number)).sort((a, b) => a - b);
    if (uids.length === 0) return 0;
    for (const uid of uids) this.#seen.delete(uid);
    await this.#mailbox.expunge(uids);
    return uids.length;
  }

  /** Gives the lock back. Marks are forgotten. */
  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await this.#flushing;
      await this.#flushSeen();
    } finally {
      await this.#resources.disposeAsync();
    }
  }

  async #flushSeen(): Promise<void> {
    if (this.#seen.size === 0) return;
    const uids = [...this.#seen];
    this.#seen.clear();
    await this.#mailbox.changeFlags(uids, {
      mode: "add",
      systemFlags: ["\\Seen"],
      keywords: [],
    });
  }

  *#from(first: number): Generator<{ readonly uid: Uid; readonly sizeBytes: number }> {
    for (let number = first; number <= this.#columns.length; number += 1) {
      if (this.#marked.has(number)) continue;
      yield { uid: this.#uidOf(number), sizeBytes: this.sizeOf(number) };
    }
  }

  #uidOf(number: number): Uid {
    return (this.#columns.uids[number - 1] ?? 0) as Uid;
  }
}
