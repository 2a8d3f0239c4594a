import { join } from "node:path";
import { crashPoint } from "../crash-point.ts";
import type { MailboxRow } from "../index/rows.ts";
import { detailsId, packedId } from "../index/schema.ts";
import { limits } from "../limits.ts";
import { readIfThere, replaceDurably } from "../maildir/durable-file.ts";
import { fileSignature } from "../maildir/file-signature.ts";
import {
  type DirectoryTimes,
  directoryTimes,
  listMessageFiles,
  pathOfFile,
  type SeenFile,
} from "../maildir/folder-files.ts";
import { keywordLettersMax } from "../maildir/keyword-list.ts";
import {
  formatMailboxFile,
  type MailboxFile,
  mailboxFileName,
  parseMailboxFile,
} from "../maildir/mailbox-file.ts";
import type { UidListEntry } from "../maildir/uid-list.ts";
import { formatOfFolder } from "../mbox/mbox-folder.ts";
import { StoreError } from "../store-error.ts";
import { adoptFile } from "./adopt-file.ts";
import { KeywordTable } from "./keyword-table.ts";
import { MboxTransaction } from "./mbox-transaction.ts";
import type { Transaction } from "./transaction.ts";
import { UidListFile } from "./uid-list-file.ts";

/**
 * One mailbox inside one transaction: gives out its UIDs and modseqs, and writes its plain files before
 * the index commits.
 *
 *   state   dovecot-uidlist   posthouse-mailbox   index      after a crash here
 *   U1      -                 -                   -          files in place are taken as a foreign program's
 *   U2      lines appended    -                   -          the next writer finds the lines, and those files
 *                                                            get the very same UIDs, and the keywords that
 *                                                            posthouse-mailbox has for them
 *   U3      lines appended    marks raised        -          as U2; the marks are only an upper bound
 *   U4      lines appended    marks raised        committed  done; lost lines are written from the index
 */
export class MailboxTransaction {
  readonly row: MailboxRow;
  readonly folderPath: string;
  readonly keywords: KeywordTable;
  /** Where the messages are, when they are not files of a Maildir. */
  readonly mbox: MboxTransaction | undefined;
  readonly #transaction: Transaction;
  readonly #rowBefore: string;
  /** Whether the index agreed with the directories when we came, or agrees since a scan. */
  #isAgreed: boolean;
  #uidList: UidListFile | undefined;
  #mustRewriteUidList = false;
  #lines: UidListEntry[] = [];
  #jobModSeq: number | undefined;
  #mustWriteMailboxFile = false;
  #listing: ReadonlyMap<string, SeenFile> | undefined;

  constructor(transaction: Transaction, row: MailboxRow) {
    this.#transaction = transaction;
    this.row = row;
    this.folderPath = transaction.folderPath(row.folder);
    this.#rowBefore = JSON.stringify(row);
    const isMbox = formatOfFolder(this.folderPath) === "mbox";
    this.mbox = isMbox ? new MboxTransaction(transaction, this) : undefined;
    const times = this.#times();
    this.#isAgreed = times.newMtime === row.newMtime && times.curMtime === row.curMtime;
    this.keywords = new KeywordTable(
      transaction.statements,
      row.id,
      this.folderPath,
      () => {
        this.#mustWriteMailboxFile = true;
      },
      !isMbox,
    );
  }

  get isScanned(): boolean {
    return this.row.isScanned === 1;
  }

  /** One for all that a job changes. */
  modSeq(): number {
    if (this.#jobModSeq === undefined) {
      this.row.highestModSeq += 1;
      this.#jobModSeq = this.row.highestModSeq;
      this.#transaction.noteChange();
    }
    return this.#jobModSeq;
  }

  /** The next UID, which from now on belongs to this key. */
  uidFor(key: string): number {
    if (this.mbox === undefined) this.readUidList();
    const uid = this.row.uidNext;
    if (uid > limits.uidMax) {
      throw new StoreError("limit", `Cannot add to "${this.folderPath}": its UIDs are used up`);
    }
    this.row.uidNext = uid + 1;
    if (this.mbox === undefined) this.#lines.push({ uid, key });
    return uid;
  }

  startJob(): { readonly lines: number } {
    this.#jobModSeq = undefined;
    this.#listing = undefined;
    return { lines: this.#lines.length };
  }

  /** Takes back what startJob() began; the UIDs and modseqs stay used. */
  abandonJob(start: { readonly lines: number }): void {
    this.#lines.length = start.lines;
    this.#jobModSeq = undefined;
    this.keywords.forget();
  }

  /** What another program may have made of the files; as of some moment of this job. */
  listing(): ReadonlyMap<string, SeenFile> {
    this.#listing ??= listMessageFiles(this.folderPath);
    return this.#listing;
  }

  listAgain(): ReadonlyMap<string, SeenFile> {
    this.#listing = undefined;
    return this.listing();
  }

  path(message: { readonly key: string; readonly info: string; readonly flags: number }): string {
    return pathOfFile(this.folderPath, { ...message, isNew: (message.flags & 32) !== 0 });
  }

  /** Forgets messages whose files are gone; their UIDs are told as vanished from now on. */
  forget(uids: readonly number[]): void {
    if (uids.length === 0) return;
    const { statements } = this.#transaction;
    const { id } = this.row;
    const list = JSON.stringify(uids);
    statements.deleteMessagesOf.run(id, list);
    statements.deleteFilesOf.run(id, list);
    statements.deleteDetailsOf.run(id, list);
    statements.insertExpungedOf.run(id, this.modSeq(), list);
    this.#trimHistory();
  }

  /** Of the expunges the last ones are kept, and how far back they go. */
  #trimHistory(): void {
    const { row } = this;
    const { statements } = this.#transaction;
    const oldest = statements.expungedBeyond.get(row.id, limits.expungedKeptMax);
    if (oldest === undefined) return;
    statements.trimExpunged.run(row.id, oldest);
    row.historyModSeq = Math.max(row.historyModSeq, oldest);
  }

  /** The directories were read and the index agrees with what they were at these times. */
  agree(times: DirectoryTimes): void {
    const isNews =
      times.newMtime !== this.row.newMtime ||
      times.curMtime !== this.row.curMtime ||
      Date.now() - this.row.scannedMs > limits.rescanMs;
    // A scan that found nothing is not worth a commit.
    if (isNews) {
      Object.assign(this.row, times, { scannedMs: times.recordedMs });
    }
    const now = this.#times();
    this.#isAgreed = now.newMtime === times.newMtime && now.curMtime === times.curMtime;
  }

  /** Locks dovecot-uidlist for the rest of the transaction and takes in what Dovecot added to it. */
  readUidList(): void {
    if (this.#uidList !== undefined) return;
    this.#uidList = new UidListFile(this.folderPath);
    const news = this.#uidList.newsSince(this.row);
    if (news.kind === "none") return;
    if (news.kind === "lost") {
      this.#mustRewriteUidList = true;
      return;
    }
    const entries = news.kind === "appended" ? news.entries : news.list.entries;
    const uidNext = news.kind === "appended" ? news.uidNext : news.list.uidNext;
    if (news.kind === "replaced") {
      if (news.list.uidValidity !== this.row.uidValidity) this.beginAnew(news.list.uidValidity);
      // Damaged lines would be found damaged by Dovecot too, and lost ones given out again.
      this.#mustRewriteUidList = news.list.damagedLines > 0 || news.list.uidNext < this.row.uidNext;
    }
    this.#adopt(entries);
    this.row.uidNext = Math.max(this.row.uidNext, uidNext);
  }

  rewriteUidList(): void {
    if (this.mbox !== undefined) {
      this.#mustWriteMailboxFile = true;
      return;
    }
    this.readUidList();
    this.#mustRewriteUidList = true;
  }

  /** Its plain files, and then its row. */
  finish(): void {
    this.mbox?.write();
    this.#writeUidList();
    const { row } = this;
    if (row.uidNext - 1 > row.uidReserved || row.highestModSeq > row.modSeqReserved) {
      this.followMailboxFile();
      row.uidReserved = Math.min(row.uidNext + limits.uidsReserved, limits.uidMax);
      row.modSeqReserved = row.highestModSeq + limits.modSeqsReserved;
      this.#mustWriteMailboxFile = true;
    }
    if (this.#mustWriteMailboxFile) this.#writeMailboxFile();
    if (this.#isAgreed) {
      const times = this.#times();
      if (times.newMtime !== row.newMtime || times.curMtime !== row.curMtime) {
        Object.assign(row, times);
      }
    }
    if (JSON.stringify(row) !== this.#rowBefore)
      this.#transaction.statements.updateMailbox.run(row);
  }

  release(): void {
    this.mbox?.release();
    this.#uidList?.release();
    this.#uidList = undefined;
  }

  /** What stands in posthouse-mailbox is other than the index has, and is written with the commit. */
  writeMailboxFileLater(): void {
    const path = join(this.folderPath, mailboxFileName);
    const before = readIfThere(path);
    if (before !== undefined) this.#transaction.onUndo(() => replaceDurably(path, before));
    this.#mustWriteMailboxFile = true;
  }

  /**
   * Takes in what posthouse-mailbox says since we last left it: a process that died between the file and
   * its commit, or a person with an editor. A file that is gone is written anew from the index.
   */
  followMailboxFile(): void {
    const path = join(this.folderPath, mailboxFileName);
    if (fileSignature(path) === this.row.mailboxFileSeen || this.#mustWriteMailboxFile) return;
    const file = this.mailboxFile();
    if (file === undefined || this.#isAnothers(file)) this.#mustWriteMailboxFile = true;
    else this.takeIn(file);
  }

  /** Copied over ours by mistake: what the index knows is better than what is so of another mailbox. */
  #isAnothers({ id }: MailboxFile): boolean {
    const owner = this.#transaction.statements.mailboxByGuid.get(id);
    return owner !== undefined && owner.id !== this.row.id;
  }

  /** Annotations, rights and special use are as in the file, and numbers above its marks. */
  takeIn(file: MailboxFile | undefined): void {
    const { row } = this;
    const { statements } = this.#transaction;
    row.mailboxFileSeen = fileSignature(join(this.folderPath, mailboxFileName));
    if (file === undefined) return;
    statements.deleteAnnotations.run(row.id);
    statements.deleteAllRights.run(row.id);
    for (const { user, entry, value } of file.annotations) {
      statements.putAnnotation.run(row.id, user, entry, value);
    }
    for (const [identifier, rights] of file.rights) {
      statements.putRights.run(row.id, identifier, rights);
    }
    row.specialUse = file.specialUse.join(" ");
    this.keywords.restore(file.moreKeywords);
    // The first scan gives messages theirs.
    if (this.isScanned) this.#takeInKeywords(file);
    // An index of an earlier day does not know what was given out since.
    if (file.modSeqReserved > row.modSeqReserved) {
      row.highestModSeq = Math.max(row.highestModSeq, file.modSeqReserved + 1);
      row.historyModSeq = row.highestModSeq;
    }
    this.#transaction.noteChange();
  }

  /**
   * For a job that cannot be taken back from here on, and whose messages have keywords that stand nowhere
   * else: they are on disk before it goes on.
   */
  writeMailboxFileNow(): void {
    if (!this.#mustWriteMailboxFile) return;
    this.writeMailboxFileLater();
    this.#writeMailboxFile();
  }

  mailboxFile(): MailboxFile | undefined {
    const octets = readIfThere(join(this.folderPath, mailboxFileName));
    return octets === undefined ? undefined : parseMailboxFile(octets);
  }

  /**
   * Which messages have which keywords beyond the letters. The index may not know of a change that stands
   * in the file: left there, it would come true on the day when the index is lost.
   */
  #takeInKeywords(file: MailboxFile): void {
    const { statements } = this.#transaction;
    const { id } = this.row;
    const known = this.keywords.messagesBeyondLetters();
    for (const key of new Set([...known.keys(), ...file.keywordsOfMessages.keys()])) {
      const positions = file.keywordsOfMessages.get(key) ?? [];
      if (positions.join(" ") === (known.get(key) ?? []).join(" ")) continue;
      const uid = statements.fileByKey.get(id, key)?.uid;
      const message = uid === undefined ? undefined : statements.message.get(id, uid);
      if (uid === undefined || message === undefined) continue;
      const letters = this.keywords
        .positionsOfSet(message.keywordSet)
        .filter((at) => at < keywordLettersMax);
      const keywordSet = this.keywords.setOf([...letters, ...positions]);
      statements.updateFlags.run(message.flags, keywordSet, this.modSeq(), id, uid);
    }
  }

  /**
   * Lines of another program, or of a process that died, whose UIDs we have not passed yet: their
   * messages get exactly these. A smaller UID that we do not know belongs to a message that is gone.
   */
  #adopt(entries: readonly UidListEntry[]): void {
    if (!this.isScanned) return;
    const { statements } = this.#transaction;
    const unknown = entries.filter(
      ({ uid, key }) =>
        uid >= this.row.uidNext && statements.fileByKey.get(this.row.id, key) === undefined,
    );
    if (unknown.length === 0) return;
    const files = listMessageFiles(this.folderPath);
    // The lines may be those of a process of ours that died between them and its commit (U2).
    const more = this.mailboxFile()?.keywordsOfMessages;
    for (const { uid, key } of unknown) {
      const file = files.get(key);
      if (file !== undefined) adoptFile(this.#transaction, this, file, uid, more?.get(key) ?? []);
    }
  }

  /** Another UIDVALIDITY: all that clients knew is void, and so is all that the index knew. */
  beginAnew(uidValidity: number): void {
    const { statements } = this.#transaction;
    const { id } = this.row;
    statements.deleteMessages.run(id);
    statements.deleteFiles.run(id);
    statements.deleteAllDetails.run(detailsId(id, 0), detailsId(id, limits.uidMax));
    statements.deleteExpunged.run(id);
    statements.deletePacked.run(packedId(id, 0), packedId(id, 2 ** 32 - 1));
    this.row.uidValidity = uidValidity;
    this.row.uidNext = 1;
    this.row.isScanned = 0;
    this.row.newMtime = "";
    this.row.curMtime = "";
    this.#isAgreed = false;
    this.#mustWriteMailboxFile = this.mbox !== undefined;
    this.row.historyModSeq = this.modSeq();
  }

  #times(): DirectoryTimes {
    return this.mbox?.times() ?? directoryTimes(this.folderPath);
  }

  #writeUidList(): void {
    if (this.#uidList === undefined) return;
    const isAppend = this.#lines.length > 0 && !this.#mustRewriteUidList;
    const appended = isAppend ? this.#uidList.append(this.#lines) : undefined;
    const sizeBytesMax = limits.uidListSlackBytes + this.row.messages * 256;
    const isTooLarge = (appended?.sizeBytes ?? 0) > sizeBytesMax;
    if (this.#mustRewriteUidList || isTooLarge) this.#rewriteUidListFile(this.#uidList);
    this.row.uidListSeen =
      isTooLarge || appended === undefined ? this.#uidList.signature() : appended.signature;
    // Given back before the disk is waited for: Dovecot may add its own lines from here on.
    this.release();
  }

  /**
   * Without the lines of messages that are gone. Before the first whole scan the list knows more than
   * the index: what it says is kept then.
   */
  #rewriteUidListFile(list: UidListFile): void {
    const { statements } = this.#transaction;
    if (this.isScanned) list.rewrite(this.row, statements.uidListOfIndex.iterate(this.row.id));
    else {
      const kept = list.entriesOf(this.row.uidValidity);
      const last = kept.at(-1)?.uid ?? 0;
      // Our lines may have been appended already.
      list.rewrite(this.row, [...kept, ...this.#lines.filter(({ uid }) => uid > last)]);
    }
  }

  #writeMailboxFile(): void {
    const path = join(this.folderPath, mailboxFileName);
    const before = this.mailboxFile();
    const { statements } = this.#transaction;
    const moreKeywords = this.keywords.beyondLetters();
    const rights = statements.rights.all(this.row.id);
    replaceDurably(
      path,
      formatMailboxFile({
        id: this.row.guid,
        uidReserved: this.row.uidReserved,
        modSeqReserved: this.row.modSeqReserved,
        ...(this.mbox === undefined ? {} : { uidValidity: this.row.uidValidity }),
        specialUse: this.row.specialUse.split(" ").filter((use) => use !== ""),
        moreKeywords,
        // Until the first scan is done, the file knows of messages that the index does not know yet.
        keywordsOfMessages: new Map([
          ...(this.isScanned ? [] : (before?.keywordsOfMessages ?? [])),
          ...this.keywords.messagesBeyondLetters(),
        ]),
        annotations: statements.annotations.all(this.row.id),
        rights: new Map(rights.map((one) => [one.identifier, one.rights])),
        otherLines: before?.otherLines ?? [],
      }),
    );
    crashPoint("N2");
    this.row.mailboxFileSeen = fileSignature(path);
  }
}
