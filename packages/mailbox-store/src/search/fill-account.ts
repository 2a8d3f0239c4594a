import { setImmediate as nextTurn } from "node:timers/promises";
import { crashPoint } from "../crash-point.ts";
import { IndexReader, type MailboxState } from "../index/index-reader.ts";
import { limits } from "../limits.ts";
import { StoreError } from "../store-error.ts";
import { openSource } from "./message-source.ts";
import { readTexts } from "./message-texts.ts";
import {
  isSearchDamage,
  lockSearchText,
  openSearchForWriting,
  searchIdentity,
  setSearchAside,
} from "./search-file.ts";
import { type KnownMailbox, SearchWriter } from "./search-writer.ts";
import { RecordSink } from "./text-record.ts";

export interface FillContext {
  readonly accountPath: string;
  readonly messageBytesMax: number;
  readonly log: (text: string) => void;
  /** Asked between messages; what was done by then is kept. */
  readonly isStopping: () => boolean;
}

/**
 * Brings the search text of an account in line with its index, until nothing is left to do.
 *
 *   state   search.sqlite              after a crash here
 *   T1      gone, with its log         the next filling makes it
 *   T2      made, and empty            the same: an empty file is a database without tables
 *   T3      some messages, open        SQLite takes the transaction back; they are taken in again
 *   T4      some messages, committed   the next filling goes on above uidDone
 *
 * First everything that is new, then everything that is gone: a message that was moved is both, and its
 * text stays. "again" when another process fills the account, or somebody deleted the database meanwhile.
 */
export async function fillAccount(
  context: FillContext,
  options: { readonly isDamaged: boolean },
): Promise<"done" | "again"> {
  const { accountPath, log } = context;
  const lock = lockSearchText(accountPath);
  if (lock === undefined) return "again";
  await using _lock = lock;
  if (options.isDamaged && searchIdentity(accountPath) !== undefined) {
    setSearchAside(accountPath, new Error("a search found it damaged"), log);
  }
  try {
    return await fillUnderLock(context);
  } catch (error) {
    if (!isSearchDamage(error)) throw error;
    setSearchAside(accountPath, error, log);
    return await fillUnderLock(context);
  }
}

async function fillUnderLock(context: FillContext): Promise<"done" | "again"> {
  const { accountPath, log } = context;
  const database = openSearchForWriting(accountPath, log);
  const reader = new IndexReader(accountPath);
  const writer = new SearchWriter(database);
  try {
    return await new Filling(context, reader, writer).run();
  } finally {
    writer.rollBack();
    reader.close();
    database.close();
  }
}

class Filling {
  readonly #context: FillContext;
  readonly #reader: IndexReader;
  readonly #writer: SearchWriter;
  readonly #identity: string | undefined;
  #beganMs = 0;

  constructor(context: FillContext, reader: IndexReader, writer: SearchWriter) {
    this.#context = context;
    this.#reader = reader;
    this.#writer = writer;
    this.#identity = searchIdentity(context.accountPath);
  }

  async run(): Promise<"done" | "again"> {
    const mailboxes = await this.#reader.read((queries) => queries.mailboxes.all());
    this.#begin();
    for (const mailbox of mailboxes) {
      const known = this.#writer.mailboxOf(mailbox.guid, mailbox.uidValidity);
      if (!(await this.#addAbove(mailbox, known, known.uidDone))) return "again";
    }
    for (const mailbox of mailboxes) {
      if (!(await this.#compare(mailbox))) return "again";
    }
    const isKnown = new Set(mailboxes.map(({ guid, uidValidity }) => `${guid} ${uidValidity}`));
    for (const known of this.#writer.mailboxes()) {
      if (isKnown.has(`${known.guid} ${known.uidValidity}`)) continue;
      if (!(await this.#removeMailbox(known))) return "again";
    }
    this.#commit();
    return "done";
  }

  /** Where the numbers of messages differ, so do the messages. A file that was out of sight has its old UID. */
  async #compare(mailbox: MailboxState): Promise<boolean> {
    const known = this.#writer.mailboxOf(mailbox.guid, mailbox.uidValidity);
    const now = await this.#reader.read((queries) => queries.mailboxByGuid.get(mailbox.guid));
    const wantedCount = now?.messages ?? 0;
    if (this.#writer.countMessages(known.id) === wantedCount) return true;
    if (!(await this.#removeGone(mailbox, known))) return false;
    if (this.#writer.countMessages(known.id) >= wantedCount) return true;
    return await this.#addAbove(mailbox, known, 0);
  }

  /** False when it is not to go on. */
  async #addAbove(mailbox: MailboxState, known: KnownMailbox, from: number): Promise<boolean> {
    for (let uid = from; ; ) {
      const rows = await this.#reader.read((queries) =>
        queries.emailIdsAbove.all(mailbox.id, uid, limits.summariesPerBatch),
      );
      for (const row of rows) {
        if (!this.#writer.hasMessage(known.id, row.uid)) {
          const textId = await this.#textIdOf(mailbox, row);
          if (textId !== undefined) this.#writer.addMessage(known.id, row.uid, textId);
        }
        uid = row.uid;
        this.#writer.setUidDone(known.id, uid);
        if (!(await this.#pace())) return false;
      }
      if (rows.length < limits.summariesPerBatch) return true;
    }
  }

  /** undefined when the message is gone meanwhile, and 0 when nobody knows where its file is. */
  async #textIdOf(
    mailbox: MailboxState,
    row: { readonly uid: number; readonly emailId: Uint8Array | null },
  ): Promise<number | undefined> {
    const known = row.emailId === null ? undefined : this.#writer.textIdOf(row.emailId);
    if (known !== undefined) return known;
    try {
      return await this.#read(mailbox, row.uid);
    } catch (error) {
      // One file that cannot be read must not keep the others from being found.
      if (error instanceof StoreError) return 0;
      throw error;
    }
  }

  async #read(mailbox: MailboxState, uid: number): Promise<number | undefined> {
    const { accountPath, messageBytesMax } = this.#context;
    const source = await openSource(accountPath, this.#reader, mailbox, uid, messageBytesMax);
    if (source === "expunged") return undefined;
    if (source === "missing") return 0;
    try {
      const found = this.#writer.textIdOf(source.emailId);
      if (found !== undefined) return found;
      const sink = new RecordSink();
      await readTexts(source, source.root, "whole", sink);
      return this.#writer.addText(source.emailId, sink.isTooLarge ? undefined : sink.record);
    } finally {
      await source[Symbol.asyncDispose]();
    }
  }

  /** Walks both lists of UIDs, which ascend. */
  async #removeGone(mailbox: MailboxState, known: KnownMailbox): Promise<boolean> {
    for (let uid = 0; ; ) {
      const ours = this.#writer.uidsAbove(known.id, uid, limits.rowsPerSlice);
      const last = ours.at(-1);
      if (last === undefined) return true;
      const from = uid;
      const theirs = await this.#reader.read((queries) =>
        queries.uidsBetween.all(mailbox.id, from + 1, last),
      );
      const isThere = new Set(theirs);
      for (const one of ours) {
        if (!isThere.has(one)) this.#writer.removeMessage(known.id, one);
        if (!(await this.#pace())) return false;
      }
      uid = last;
    }
  }

  async #removeMailbox(known: KnownMailbox): Promise<boolean> {
    for (;;) {
      const uids = this.#writer.uidsAbove(known.id, 0, limits.rowsPerSlice);
      for (const uid of uids) {
        this.#writer.removeMessage(known.id, uid);
        if (!(await this.#pace())) return false;
      }
      if (uids.length === 0) break;
    }
    this.#writer.removeMailbox(known.id);
    return true;
  }

  #begin(): void {
    this.#writer.begin();
    this.#beganMs = performance.now();
  }

  #commit(): void {
    crashPoint("T3");
    this.#writer.commit();
    crashPoint("T4");
  }

  /** Makes what was done durable from time to time; false when it is time to stop. */
  async #pace(): Promise<boolean> {
    const { isStopping, accountPath } = this.#context;
    if (!isStopping() && performance.now() - this.#beganMs < limits.searchFillMs) return true;
    this.#commit();
    await nextTurn();
    if (isStopping() || searchIdentity(accountPath) !== this.#identity) return false;
    this.#begin();
    return true;
  }
}
