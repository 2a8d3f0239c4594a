import { renameSync, rmSync, unlinkSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { crashPoint } from "../../crash-point.ts";
import type { MessageRow } from "../../index/rows.ts";
import { errnoOf } from "../../maildir/durable-file.ts";
import { systemFlagBits } from "../../types.ts";
import { findMoved } from "../find-moved.ts";
import type { Jobs } from "../jobs.ts";
import type { MailboxTransaction } from "../mailbox-transaction.ts";
import type { Transaction } from "../transaction.ts";

/**
 * The files go first: they are removed, or put aside so that they can be brought back for some days
 * (expunged-tree.ts), with one rename each.
 *
 *   state   files              index       after a crash here
 *   X1      there              -           nothing happened
 *   X2      some gone          -           the next scan expunges those: no UID is given out again
 *   X3      gone, synced       -           as X2
 *   X4      gone, synced       committed   done
 *
 * The other way round, a message whose expunge a client has seen would come back with another UID.
 *
 * A large EXPUNGE comes as several of these jobs (messagesPerTransaction), each with a table of its own.
 */
export function expunge(
  transaction: Transaction,
  args: Jobs["expunge"]["args"],
): Jobs["expunge"]["result"] {
  const mailbox = transaction.mailboxOfGuid(args.guid);
  mailbox.mbox?.ready();
  const messages = transaction
    .messagesOf(mailbox, args.uids)
    .filter(({ flags }) => !args.ifDeleted || (flags & systemFlagBits["\\Deleted"]) !== 0);
  for (const message of messages) {
    crashPoint("X1");
    if (mailbox.mbox === undefined) putAside(transaction, mailbox, message);
    else mailbox.mbox.remove(message.uid, message.info);
  }
  mailbox.forget(messages.map(({ uid }) => uid));
  return undefined;
}

/** Removes it, where it cannot be put aside. Of drafts each version would be, and nobody misses junk. */
export function putAside(
  transaction: Transaction,
  mailbox: MailboxTransaction,
  message: MessageRow,
): void {
  const { folder, specialUse } = mailbox.row;
  const isKept = !/\\(?:Drafts|Junk)\b/.test(specialUse);
  const bytes = message.size;
  const place = isKept ? transaction.expunged.placeFor(folder, { bytes, messages: 1 }) : undefined;
  if (place === undefined || !moveInto(place, mailbox.path(message))) {
    removeFile(transaction, mailbox, message);
    return;
  }
  // There before it is gone here.
  transaction.syncLater(place);
  transaction.syncLater(dirname(mailbox.path(message)));
  crashPoint("X2");
}

/** False when it has another name now, or the disk has no room for one more. */
function moveInto(place: string, path: string): boolean {
  try {
    renameSync(path, join(place, basename(path)));
    return true;
  } catch {
    return false;
  }
}

/** Under whatever name it now has. */
export function removeFile(
  transaction: Transaction,
  mailbox: MailboxTransaction,
  message: MessageRow,
): void {
  const path = mailbox.path(message);
  try {
    unlinkSync(path);
  } catch (error) {
    if (errnoOf(error) !== "ENOENT") throw error;
    const moved = findMoved(transaction, mailbox, message);
    if (moved !== undefined) rmSync(mailbox.path(moved), { force: true });
  }
  transaction.syncLater(dirname(path));
  crashPoint("X2");
}
