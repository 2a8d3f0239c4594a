import { existsSync } from "node:fs";
import { join } from "node:path";
import { storedFlagBits } from "../../index/schema.ts";
import { limits } from "../../limits.ts";
import { readIfThere } from "../../maildir/durable-file.ts";
import {
  type DirectoryTimes,
  directoryTimes,
  listMessageFiles,
  type SeenFile,
} from "../../maildir/folder-files.ts";
import { saveDateMsOfKey } from "../../maildir/maildir-name.ts";
import { parseUidList } from "../../maildir/uid-list.ts";
import { flagsOfInfo } from "../../message-flags.ts";
import { adoptFile } from "../adopt-file.ts";
import type { Jobs } from "../jobs.ts";
import type { MailboxTransaction } from "../mailbox-transaction.ts";
import type { FileRow } from "../statements.ts";
import type { Transaction } from "../transaction.ts";
import { uidListName } from "../uid-list-file.ts";

/**
 * What other programs did to a folder, told from its listing.
 *
 * A directory that is being changed may be listed without a file that is there all the time: readdir(3)
 * promises nothing for entries that are renamed meanwhile. So a file not seen is gone only when a
 * second listing, during which the directory's mtime stood still, misses it too. The idea that looks
 * better, to ask for each missing file by its name, fails on the file that was renamed to other flags.
 *
 * Our own processes cannot interfere: the account's transaction is open.
 */
export function scan(transaction: Transaction, args: Jobs["scan"]["args"]): Jobs["scan"]["result"] {
  const mailbox = transaction.mailboxOfGuid(args.guid);
  if (mailbox.mbox !== undefined) {
    mailbox.mbox.rescan();
    return { isUnfinished: false };
  }
  // A folder that is gone is a mailbox that is gone, or a disk that is not mounted: not an empty mailbox.
  if (!existsSync(join(mailbox.folderPath, "cur"))) {
    throw transaction.noSuchMailbox(mailbox.row.folder);
  }
  const listed = unfinishedListing(mailbox) ?? listAndCompare(transaction, mailbox);
  const isUnfinished = adoptWaiting(transaction, mailbox, listed.waiting);
  if (isUnfinished) {
    transaction.afterCommit(() => {
      unfinished = { ...listed, folderPath: mailbox.folderPath };
    });
    return { isUnfinished };
  }
  mailbox.row.isScanned = 1;
  if (listed.isSettled) mailbox.agree(listed.times);
  return { isUnfinished: false };
}

/** What a listing showed, and what of it is still to be taken in: the last first. */
interface Listed {
  readonly times: DirectoryTimes;
  readonly isSettled: boolean;
  readonly waiting: WaitingFile[];
}

interface WaitingFile {
  readonly file: SeenFile;
  readonly saveDateMs: number;
  readonly listedUid: number | undefined;
}

/**
 * Taking in 100,000 files is cut into many transactions, which need not list the folder each. Only the
 * last one's listing is kept: whoever scans goes on until it is finished.
 */
let unfinished: (Listed & { readonly folderPath: string }) | undefined;

function unfinishedListing(mailbox: MailboxTransaction): Listed | undefined {
  const listed = unfinished;
  unfinished = undefined;
  if (listed?.folderPath !== mailbox.folderPath || mailbox.isScanned) return undefined;
  const now = directoryTimes(mailbox.folderPath);
  const isSame = now.newMtime === listed.times.newMtime && now.curMtime === listed.times.curMtime;
  return isSame ? listed : undefined;
}

function listAndCompare(transaction: Transaction, mailbox: MailboxTransaction): Listed {
  const times = directoryTimes(mailbox.folderPath);
  const unknown = listMessageFiles(mailbox.folderPath);
  const missing: FileRow[] = [];
  const renamed: { readonly row: FileRow; readonly file: SeenFile }[] = [];
  mailbox.keywords.readFile();
  for (const row of transaction.statements.files.iterate(mailbox.row.id)) {
    const file = unknown.get(row.key);
    if (file === undefined) missing.push(row);
    else if (!isAsRecorded(row, file)) renamed.push({ row, file });
    unknown.delete(row.key);
  }
  for (const { row, file } of renamed) applyRename(transaction, mailbox, row, file);
  const isSettled = forgetMissing(transaction, mailbox, missing);
  return { times, isSettled, waiting: inOrder(mailbox, unknown) };
}

/** The order in which they get UIDs: those that the list names first, then as they were made. */
function inOrder(
  mailbox: MailboxTransaction,
  unknown: ReadonlyMap<string, SeenFile>,
): WaitingFile[] {
  if (unknown.size === 0) return [];
  // Those of a process that died between a move and its commit may have keywords that only it knew of.
  mailbox.followMailboxFile();
  // May itself take in those that Dovecot gave UIDs.
  mailbox.readUidList();
  const uids = mailbox.isScanned ? new Map<string, number>() : uidsOfFile(mailbox);
  const waiting = Array.from(unknown.values(), (file) => ({
    file,
    saveDateMs: saveDateMsOfKey(file.key) ?? 0,
    listedUid: uids.get(file.key),
  }));
  return waiting.sort((a, b) => compareWaiting(b, a));
}

function compareWaiting(a: WaitingFile, b: WaitingFile): number {
  const uidA = a.listedUid ?? Number.MAX_SAFE_INTEGER;
  const uidB = b.listedUid ?? Number.MAX_SAFE_INTEGER;
  return uidA - uidB || a.saveDateMs - b.saveDateMs || (a.file.key < b.file.key ? -1 : 1);
}

function isAsRecorded(row: FileRow, file: SeenFile | undefined): boolean {
  return (
    file !== undefined &&
    file.info === row.info &&
    file.isNew === ((row.flags & storedFlagBits.isNew) !== 0)
  );
}

/** The difference between the two names is what the other program did, flag by flag. */
export function applyRename(
  transaction: Transaction,
  mailbox: MailboxTransaction,
  row: FileRow,
  file: SeenFile,
): void {
  const { statements } = transaction;
  const message = statements.message.get(mailbox.row.id, row.uid);
  if (message === undefined) return;
  const before = flagsOfInfo(row.info);
  const after = flagsOfInfo(file.info);
  const added = after.systemFlags & ~before.systemFlags;
  const removed = before.systemFlags & ~after.systemFlags;
  const positionsBefore = mailbox.keywords.positionsOfSet(message.keywordSet);
  const positions = new Set(positionsBefore);
  for (const at of after.keywordIndexes) positions.add(at);
  for (const at of before.keywordIndexes) {
    if (!after.keywordIndexes.includes(at)) positions.delete(at);
  }
  const flags =
    ((message.flags | added) & ~removed & ~storedFlagBits.isNew) |
    (file.isNew ? storedFlagBits.isNew : 0);
  const keywordSet = mailbox.keywords.setOf(positions);
  const visible = ~storedFlagBits.isNew;
  const hasChanged =
    (flags & visible) !== (message.flags & visible) || keywordSet !== message.keywordSet;
  const modSeq = hasChanged ? mailbox.modSeq() : message.modSeq;
  statements.updateFlags.run(flags, keywordSet, modSeq, mailbox.row.id, row.uid);
  statements.updateInfo.run(file.info, mailbox.row.id, row.key);
}

/** False when the directory did not stand still for long enough to say. */
function forgetMissing(
  transaction: Transaction,
  mailbox: MailboxTransaction,
  missing: readonly FileRow[],
): boolean {
  if (missing.length === 0) return true;
  for (let attempt = 0; attempt < 10; attempt += 1) {
    const before = directoryTimes(mailbox.folderPath);
    const files = listMessageFiles(mailbox.folderPath);
    const after = directoryTimes(mailbox.folderPath);
    if (before.newMtime !== after.newMtime || before.curMtime !== after.curMtime) continue;
    for (const row of missing) {
      const file = files.get(row.key);
      if (file !== undefined && !isAsRecorded(row, file)) {
        applyRename(transaction, mailbox, row, file);
      }
    }
    mailbox.forget(missing.filter(({ key }) => !files.has(key)).map(({ uid }) => uid));
    return true;
  }
  return false;
}

/** True when there are more than one transaction should take. */
function adoptWaiting(
  transaction: Transaction,
  mailbox: MailboxTransaction,
  waiting: WaitingFile[],
): boolean {
  if (waiting.length === 0) return false;
  const { statements } = transaction;
  transaction.makeRoomFor(waiting.length);
  mailbox.readUidList();
  const more = mailbox.mailboxFile()?.keywordsOfMessages;
  const startMs = performance.now();
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const { file, listedUid } = next;
    if (statements.fileByKey.get(mailbox.row.id, file.key) !== undefined) continue;
    adopt(transaction, mailbox, file, listedUid, more?.get(file.key) ?? []);
    if (performance.now() - startMs > limits.adoptMsPerTransaction) return true;
  }
  return false;
}

function adopt(
  transaction: Transaction,
  mailbox: MailboxTransaction,
  file: SeenFile,
  listedUid: number | undefined,
  morePositions: readonly number[],
): void {
  const { statements } = transaction;
  const isUsable =
    listedUid !== undefined &&
    statements.message.get(mailbox.row.id, listedUid) === undefined &&
    statements.isExpunged.get(mailbox.row.id, listedUid) === undefined;
  const uid = isUsable ? listedUid : mailbox.uidFor(file.key);
  adoptFile(transaction, mailbox, file, uid, morePositions);
  // Its old line would name the same file twice.
  if (listedUid !== undefined && !isUsable) mailbox.rewriteUidList();
}

/** Until every file has its row, the list says which UIDs were given out in an earlier life of the index. */
function uidsOfFile(mailbox: MailboxTransaction): Map<string, number> {
  const octets = readIfThere(join(mailbox.folderPath, uidListName));
  const list = octets === undefined ? undefined : parseUidList(octets);
  if (list === undefined || list.uidValidity !== mailbox.row.uidValidity) return new Map();
  return new Map(list.entries.map(({ uid, key }) => [key, uid]));
}
