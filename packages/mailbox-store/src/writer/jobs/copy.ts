import { existsSync, linkSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { sizesOfFile } from "../../compression/sizes-of-file.ts";
import { crashPoint } from "../../crash-point.ts";
import type { MessageRow } from "../../index/rows.ts";
import { detailsId, storedFlagBits, systemFlagsMask } from "../../index/schema.ts";
import { errnoOf, syncDirectory } from "../../maildir/durable-file.ts";
import { keyWithSizes, newKeyStem, saveDateMsOfKey } from "../../maildir/maildir-name.ts";
import { infoOfFlags } from "../../message-flags.ts";
import { planFiles } from "../batch-journal.ts";
import { copyFileDurably } from "../copy-file.ts";
import { findMoved } from "../find-moved.ts";
import type { Jobs } from "../jobs.ts";
import type { MailboxTransaction } from "../mailbox-transaction.ts";
import { refuseOverQuota } from "../quota.ts";
import type { Transaction } from "../transaction.ts";
import { copyAcross, removeSourcesAcross } from "./copy-across.ts";
import { removeFile } from "./expunge.ts";

/**
 * Copies share the file by a hard link under a name of their own; where the disk has no links, the
 * octets are copied. A move is a copy whose source then goes.
 *
 *   state   target           source            index       after a crash here
 *   C1      -                there             -           nothing happened
 *   C2      some links       there             -           the links are removed: B3 of batch-journal.ts
 *   C3      all, synced      there             -           as C2
 *   C4      all, synced      some gone (move)  -           those whose source is there are removed: each
 *                                                          message is in exactly one of the two
 *   C5      all, synced      gone (move)       committed   done
 *
 * rename(2) would be shorter for a move, but after a power failure the two directories may be on disk
 * as of different moments, and the message in neither.
 */
export function copy(transaction: Transaction, args: Jobs["copy"]["args"]): Jobs["copy"]["result"] {
  const source = transaction.mailboxOfGuid(args.guid);
  const target = transaction.mailboxOfFolder(args.targetFolder);
  source.mbox?.ready();
  const messages = transaction.messagesOf(source, args.uids);
  if (!args.isMove) {
    const bytes = messages.reduce((sum, { size }) => sum + size, 0);
    refuseOverQuota(transaction, args.quota, { messages: messages.length, bytes });
  }
  if (source.mbox !== undefined || target.mbox !== undefined) {
    const across = copyAcross(transaction, source, target, messages);
    if (args.isMove) removeSourcesAcross(transaction, source, target, across);
    return copiedUids(target, across);
  }
  const stems = messages.map(() => newKeyStem(transaction.host));
  planFiles(
    transaction,
    messages.map(({ key }, at) => ({
      folder: target.row.folder,
      stem: stems[at] ?? "",
      ...(args.isMove ? { from: { folder: source.row.folder, key } } : {}),
    })),
    { areWhole: messages.length > 1 || messages.every((one) => haveLetters(source, one, target)) },
  );
  const copied: CopiedMessage[] = [];
  for (const [at, message] of messages.entries()) {
    crashPoint("C1");
    const copiedOne = copyOne(transaction, source, message, target, stems[at] ?? "");
    crashPoint("C2");
    if (copiedOne !== undefined) copied.push(copiedOne);
  }
  if (args.isMove) removeSources(transaction, source, target, copied);
  return copiedUids(target, copied);
}

/** Looked at only where it matters: of two or more none is there alone. */
function haveLetters(
  source: MailboxTransaction,
  { keywordSet }: MessageRow,
  target: MailboxTransaction,
): boolean {
  return keywordSet === 0 || target.keywords.haveLetters(source.keywords.namesOfSet(keywordSet));
}

function copiedUids(
  target: MailboxTransaction,
  copied: readonly { readonly message: MessageRow; readonly uid: number }[],
): Jobs["copy"]["result"] {
  return {
    uidValidity: target.row.uidValidity,
    sourceUids: copied.map(({ message }) => message.uid),
    targetUids: copied.map(({ uid }) => uid),
  };
}

interface CopiedMessage {
  /** The source, as it was copied. */
  readonly message: MessageRow;
  readonly uid: number;
  readonly path: string;
}

function removeSources(
  transaction: Transaction,
  source: MailboxTransaction,
  target: MailboxTransaction,
  copied: readonly CopiedMessage[],
): void {
  // What cannot wait for the others: before it, the source is all there is on disk.
  syncDirectory(join(target.folderPath, "cur"));
  target.writeMailboxFileNow();
  crashPoint("C3");
  const removed: number[] = [];
  // From the first unlink on nothing may fail the job: what cannot be removed is in both.
  for (const { message, path } of copied) {
    const from = source.path(message);
    try {
      removeFile(transaction, source, message);
      transaction.onUndo(() => linkSync(path, from));
    } catch (error) {
      transaction.log(
        `Cannot remove "${source.path(message)}" after it was moved: ${(error as Error).message}`,
      );
      continue;
    }
    removed.push(message.uid);
    crashPoint("C4");
  }
  source.forget(removed);
}

function copyOne(
  transaction: Transaction,
  source: MailboxTransaction,
  message: MessageRow,
  target: MailboxTransaction,
  stem: string,
): CopiedMessage | undefined {
  const positions = target.keywords.positionsOf(source.keywords.namesOfSet(message.keywordSet));
  const systemFlags = message.flags & systemFlagsMask;
  const info = infoOfFlags(
    message.info,
    systemFlags,
    target.keywords.lettersOf(positions),
    // Letters of the source mean nothing in the target.
    (letter) => letter >= "a" && letter <= "z",
  );
  const key = placeCopy(transaction, source.path(message), message, target, { stem, info });
  if (key === undefined) {
    const moved = findMoved(transaction, source, message);
    return moved === undefined ? undefined : copyOne(transaction, source, moved, target, stem);
  }
  const { statements } = transaction;
  const { id } = target.row;
  const uid = target.uidFor(key);
  statements.insertMessage.run(
    id,
    uid,
    systemFlags | (message.flags & storedFlagBits.isLf),
    target.keywords.setOf(positions),
    target.modSeq(),
    message.size,
    message.internalMs,
    saveDateMsOfKey(key) ?? Date.now(),
  );
  statements.insertFile.run(id, key, uid, info);
  statements.copyDetails.run(detailsId(id, uid), detailsId(source.row.id, message.uid));
  statements.copySortKeys.run(detailsId(id, uid), detailsId(source.row.id, message.uid));
  target.keywords.noteSetChange([], positions);
  return { message, uid, path: join(target.folderPath, "cur", key + info) };
}

/** The new key, or undefined when the source's file is not where the index says. */
function placeCopy(
  transaction: Transaction,
  from: string,
  message: MessageRow,
  target: MailboxTransaction,
  name: { readonly stem: string; readonly info: string },
): string | undefined {
  const directory = join(target.folderPath, "cur");
  try {
    // The octets before compression, as the source has them in its name.
    const isLf = (message.flags & storedFlagBits.isLf) !== 0;
    const { originalBytes } = isLf
      ? sizesOfFile(from, message.key, statSync(from).size)
      : { originalBytes: message.size };
    const key = keyWithSizes(name.stem, originalBytes, message.size);
    const to = join(directory, key + name.info);
    linkOrCopy(transaction, from, to);
    transaction.onUndo(() => {
      // A moved message whose source could not be put back stays where it is.
      if (existsSync(from)) rmSync(to, { force: true });
    });
    transaction.syncLater(directory);
    return key;
  } catch (error) {
    if (errnoOf(error) === "ENOENT" && !existsSync(from)) return undefined;
    throw error;
  }
}

function linkOrCopy(transaction: Transaction, from: string, to: string): void {
  try {
    linkSync(from, to);
  } catch (error) {
    const code = errnoOf(error);
    // Another file system, a link too many, or none at all (some mounts).
    if (code !== "EXDEV" && code !== "EMLINK" && code !== "EPERM" && code !== "ENOTSUP")
      throw error;
    copyFileDurably(from, to, join(transaction.accountPath, "tmp"));
  }
}
