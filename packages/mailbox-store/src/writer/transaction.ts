import { join } from "node:path";
import type { ExpungedKeeper } from "../expunged/expunged-keeper.ts";
import type { MailboxRow, MessageRow } from "../index/rows.ts";
import { limits } from "../limits.ts";
import { errnoOf, syncDirectory } from "../maildir/durable-file.ts";
import { nameOfFolder } from "../maildir/folder-name.ts";
import { StoreError } from "../store-error.ts";
import { MailboxTransaction } from "./mailbox-transaction.ts";
import type { Statements } from "./statements.ts";

/**
 * One write transaction of one account, shared by all jobs that waited for it. While it is open no
 * other process of ours changes anything in the account: it is the account's lock, for files and index
 * alike, and the kernel frees it when the process dies.
 *
 * Files are changed first. Then, in this order: the plain files of each mailbox, the directories'
 * fsync (once each, for all jobs), the commit. A job that fails takes back its own files and rows and
 * leaves those of the others.
 */
export class Transaction {
  readonly accountPath: string;
  readonly statements: Statements;
  readonly host: string;
  readonly log: (text: string) => void;
  /** Where what is expunged goes. */
  readonly expunged: ExpungedKeeper;
  readonly #mailboxes = new Map<number, MailboxTransaction>();
  readonly #directories = new Set<string>();
  readonly #undo: (() => void)[] = [];
  readonly #afterCommit: (() => void)[] = [];
  readonly #atEnd: (() => void)[] = [];
  #hasChanged = false;
  #mustKeepFiles = false;
  #hasRoom = false;

  constructor(
    accountPath: string,
    statements: Statements,
    options: {
      readonly host: string;
      readonly expunged: ExpungedKeeper;
      readonly log: (text: string) => void;
    },
  ) {
    this.accountPath = accountPath;
    this.statements = statements;
    this.host = options.host;
    this.expunged = options.expunged;
    this.log = options.log;
  }

  get hasChanged(): boolean {
    return this.#hasChanged;
  }

  folderPath(folder: string): string {
    return folder === "" ? this.accountPath : join(this.accountPath, folder);
  }

  mailboxOfFolder(folder: string): MailboxTransaction {
    for (const mailbox of this.#mailboxes.values()) {
      if (mailbox.row.folder === folder) return mailbox;
    }
    const row = this.statements.mailboxByFolder.get(folder);
    if (row === undefined) throw this.noSuchMailbox(folder);
    return this.mailbox(row);
  }

  mailboxOfGuid(guid: string): MailboxTransaction {
    const row = this.statements.mailboxByGuid.get(guid);
    if (row === undefined) throw new StoreError("not-found", `There is no mailbox of id ${guid}`);
    return this.mailbox(row);
  }

  mailbox(row: MailboxRow): MailboxTransaction {
    let mailbox = this.#mailboxes.get(row.id);
    if (mailbox === undefined) {
      mailbox = new MailboxTransaction(this, row);
      this.#mailboxes.set(row.id, mailbox);
    }
    return mailbox;
  }

  /** Those of these messages that are there, in UID order, each once. */
  messagesOf(mailbox: MailboxTransaction, uids: readonly number[]): readonly MessageRow[] {
    this.makeRoomFor(uids.length);
    return this.statements.messagesOf.all(mailbox.row.id, JSON.stringify(uids));
  }

  /** The mailbox is no more, or has moved: its plain files are not written again. */
  drop(mailbox: MailboxTransaction): void {
    mailbox.release();
    this.#mailboxes.delete(mailbox.row.id);
  }

  noSuchMailbox(folder: string): StoreError {
    return new StoreError(
      "not-found",
      `There is no mailbox "${nameOfFolder(folder)}" in "${this.accountPath}"`,
    );
  }

  /** This directory's entries are to be on disk before the commit. */
  syncLater(directory: string): void {
    this.#directories.add(directory);
  }

  /** What takes a change of files back, when the job or the whole transaction fails. */
  onUndo(undo: () => void): void {
    this.#undo.push(undo);
  }

  /** For what nobody waits for, such as removing the files of a deleted mailbox. */
  afterCommit(run: () => void): void {
    this.#afterCommit.push(run);
  }

  /** What is needed for as long as all of this may still be taken back. */
  onEnd(run: () => void): void {
    this.#atEnd.push(run);
  }

  /**
   * From now on something is gone that only stands where it was moved to: files stay as they are, also
   * when the job or the commit fails, and the next scan finds them so.
   */
  keepFiles(): void {
    this.#mustKeepFiles = true;
  }

  noteChange(): void {
    this.#hasChanged = true;
  }

  /** Runs one job, so that it is done whole or not at all. */
  runJob<Result>(job: (transaction: Transaction) => Result): Result {
    const undoBefore = this.#undo.length;
    const afterCommitBefore = this.#afterCommit.length;
    const starts = new Map([...this.#mailboxes].map(([id, mailbox]) => [id, mailbox.startJob()]));
    this.statements.savepoint.run();
    try {
      const result = job(this);
      this.statements.release.run();
      return result;
    } catch (error) {
      this.#takeBack(undoBefore);
      this.#afterCommit.length = afterCommitBefore;
      this.statements.rollbackJob.run();
      this.statements.release.run();
      for (const [id, mailbox] of this.#mailboxes) {
        const start = starts.get(id);
        // One that this job was the first to touch is read anew by the next that needs it.
        if (start === undefined) this.drop(mailbox);
        else mailbox.abandonJob(start);
      }
      throw error;
    }
  }

  /** What the mailboxes have in plain files, and their rows. */
  writePlainFiles(): void {
    this.writeAppended();
    for (const mailbox of this.#mailboxes.values()) mailbox.finish();
  }

  /** Before anything leaves an mbox: what was moved is then in the one where it goes to. */
  writeAppended(): void {
    for (const mailbox of this.#mailboxes.values()) mailbox.mbox?.writeAppended();
  }

  /** new/ after the others: what went from there to cur/ is in both or in cur/, and never in neither. */
  syncDirectories(): void {
    const isSource = (directory: string) => directory.endsWith("/new");
    const sources = [...this.#directories].filter(isSource);
    const others = [...this.#directories].filter((directory) => !isSource(directory));
    for (const directory of [...others, ...sources]) {
      try {
        syncDirectory(directory);
      } catch (error) {
        // A folder that this very transaction moved away is synced under its new name.
        if (errnoOf(error) !== "ENOENT") throw error;
      }
    }
  }

  rollBack(): void {
    this.#giveRoomBack();
    for (const mailbox of this.#mailboxes.values()) {
      if (!this.#mustKeepFiles) mailbox.mbox?.takeBack();
      mailbox.release();
    }
    if (this.#takeBack(0)) this.#end();
  }

  committed(): void {
    this.#giveRoomBack();
    for (const mailbox of this.#mailboxes.values()) mailbox.release();
    for (const run of this.#afterCommit) run();
    this.#end();
  }

  /** A transaction that does not fit into SQLite's cache writes its pages twice and reads them again. */
  makeRoomFor(messages: number): void {
    if (this.#hasRoom || messages < limits.messagesOfLargeJob) return;
    this.statements.useLargeCache.run();
    this.#hasRoom = true;
  }

  /** There are hundreds of these databases. */
  #giveRoomBack(): void {
    if (!this.#hasRoom) return;
    this.statements.useSmallCache.run();
    this.#hasRoom = false;
  }

  #end(): void {
    for (const run of this.#atEnd) run();
  }

  /** False when something could not be taken back. */
  #takeBack(to: number): boolean {
    let isWhole = true;
    if (this.#mustKeepFiles) this.#undo.length = to;
    for (const undo of this.#undo.splice(to).reverse()) {
      try {
        undo();
      } catch (error) {
        isWhole = false;
        // The next transaction or scan finds what is so.
        this.log(`Cannot take back a change in "${this.accountPath}": ${(error as Error).message}`);
      }
    }
    return isWhole;
  }
}
