import { rmSync } from "node:fs";
import { join } from "node:path";
import { crashPoint } from "../../crash-point.ts";
import type { MessageRow } from "../../index/rows.ts";
import { detailsId } from "../../index/schema.ts";
import { errnoOf, syncDirectory } from "../../maildir/durable-file.ts";
import { findMoved } from "../find-moved.ts";
import type { MailboxTransaction } from "../mailbox-transaction.ts";
import { stageMessage } from "../mbox-messages.ts";
import type { Transaction } from "../transaction.ts";
import { appendOne } from "./append.ts";
import { removeFile } from "./expunge.ts";

/** A message that was copied, and the UID of its copy. */
interface Copied {
  readonly message: MessageRow;
  readonly uid: number;
}

/**
 * Copies where the source, the target or both are an mbox: the octets go through tmp/. The crash table
 * of copy.ts holds; what is written into an mbox has its own in mbox-journal.ts.
 */
export function copyAcross(
  transaction: Transaction,
  source: MailboxTransaction,
  target: MailboxTransaction,
  messages: readonly MessageRow[],
): Copied[] {
  const copied: Copied[] = [];
  // What earlier jobs appended is to be where the index will say.
  source.mbox?.writeAppended();
  for (const { uid } of messages) {
    crashPoint("C1");
    const message = transaction.statements.message.get(source.row.id, uid);
    const one = message && copyOne(transaction, source, target, message);
    crashPoint("C2");
    if (one !== undefined) copied.push(one);
  }
  return copied;
}

/** After the copies are durable. What cannot be removed is in both. */
export function removeSourcesAcross(
  transaction: Transaction,
  source: MailboxTransaction,
  target: MailboxTransaction,
  copied: readonly Copied[],
): void {
  // Within one mbox, or from one into another, the transaction writes what is new before it removes.
  if (source.mbox === undefined) target.mbox?.writeAppended();
  if (target.mbox === undefined) {
    syncDirectory(join(target.folderPath, "cur"));
    target.writeMailboxFileNow();
  }
  crashPoint("C3");
  const removed: number[] = [];
  for (const { message } of copied) {
    const now = transaction.statements.message.get(source.row.id, message.uid) ?? message;
    if (source.mbox !== undefined) source.mbox.remove(now.uid, now.info);
    else if (!tryToRemove(transaction, source, now)) continue;
    removed.push(now.uid);
    crashPoint("C4");
  }
  source.forget(removed);
}

function tryToRemove(
  transaction: Transaction,
  source: MailboxTransaction,
  message: MessageRow,
): boolean {
  try {
    removeFile(transaction, source, message);
    transaction.keepFiles();
    return true;
  } catch (error) {
    const path = source.path(message);
    transaction.log(`Cannot remove "${path}" after it was moved: ${(error as Error).message}`);
    return false;
  }
}

function copyOne(
  transaction: Transaction,
  source: MailboxTransaction,
  target: MailboxTransaction,
  message: MessageRow,
): Copied | undefined {
  const staged = tryToStage(transaction, source, message);
  if (staged === undefined) return undefined;
  const uid = appendOne(transaction, target, staged, false);
  transaction.afterCommit(() =>
    rmSync(join(transaction.accountPath, "tmp", staged.tmpName), { force: true }),
  );
  const { statements } = transaction;
  if (staged.sizeBytes === message.size) {
    const from = detailsId(source.row.id, message.uid);
    statements.copyDetails.run(detailsId(target.row.id, uid), from);
    statements.copySortKeys.run(detailsId(target.row.id, uid), from);
  }
  return { message, uid };
}

/** undefined when the source is gone. */
function tryToStage(
  transaction: Transaction,
  source: MailboxTransaction,
  message: MessageRow,
): ReturnType<typeof stageMessage> | undefined {
  try {
    return stageMessage(transaction, source, message);
  } catch (error) {
    if (errnoOf(error) !== "ENOENT" || source.mbox !== undefined) throw error;
    const moved = findMoved(transaction, source, message);
    return moved === undefined ? undefined : stageMessage(transaction, source, moved);
  }
}
