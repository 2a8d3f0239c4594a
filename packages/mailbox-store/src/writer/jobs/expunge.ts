import { rmSync, unlinkSync } from "node:fs";
import { dirname } from "node:path";
import { crashPoint } from "../../crash-point.ts";
import type { MessageRow } from "../../index/rows.ts";
import { limits } from "../../limits.ts";
import { errnoOf } from "../../maildir/durable-file.ts";
import { findMoved } from "../find-moved.ts";
import type { Jobs } from "../jobs.ts";
import type { MailboxTransaction } from "../mailbox-transaction.ts";
import type { Transaction } from "../transaction.ts";

/**
 * The files go first.
 *
 *   state   file               index       after a crash here
 *   X1      there              -           nothing happened
 *   X2      gone               -           the next scan expunges it: its UID is not given out again
 *   X3      gone, synced       -           as X2
 *   X4      gone, synced       committed   done
 *
 * The other way round, a message whose expunge a client has seen would come back with another UID.
 */
export function expunge(
  transaction: Transaction,
  args: Jobs["expunge"]["args"],
): Jobs["expunge"]["result"] {
  const mailbox = transaction.mailboxOfGuid(args.guid);
  const { statements } = transaction;
  for (const uid of args.uids) {
    const message = statements.message.get(mailbox.row.id, uid);
    if (message === undefined) continue;
    crashPoint("X1");
    removeFile(transaction, mailbox, message);
    mailbox.forget(uid);
  }
  const { id } = mailbox.row;
  statements.trimExpunged.run(id, id, limits.expungedKeptMax);
  return undefined;
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
