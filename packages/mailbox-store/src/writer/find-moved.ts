import type { MessageRow } from "../index/rows.ts";
import type { SeenFile } from "../maildir/folder-files.ts";
import { StoreError } from "../store-error.ts";
import { applyRename } from "./jobs/scan.ts";
import type { MailboxTransaction } from "./mailbox-transaction.ts";
import type { Transaction } from "./transaction.ts";

/**
 * After a file was not where the index says: what another program made of it is taken in first, and the
 * message is given as it is now. undefined when it is gone; the next scan will expunge it.
 *
 * One listing serves all messages of a job, and only one that is already out of date is made anew: a
 * program that has renamed all of 100,000 files costs one listing, not 100,000.
 */
export function findMoved(
  transaction: Transaction,
  mailbox: MailboxTransaction,
  message: MessageRow,
): MessageRow | undefined {
  let file = mailbox.listing().get(message.key);
  if (file !== undefined && isWhere(file, message)) {
    file = mailbox.listAgain().get(message.key);
  }
  if (file === undefined) return undefined;
  applyRename(transaction, mailbox, message, file);
  // Back under its old name before we looked: that other program does not rest, and we do not race it.
  if (isWhere(file, message)) {
    throw new StoreError(
      "unavailable",
      `Cannot work on "${mailbox.path(message)}": another program keeps renaming it`,
    );
  }
  return transaction.statements.message.get(mailbox.row.id, message.uid);
}

function isWhere(file: SeenFile, message: MessageRow): boolean {
  return file.info === message.info && file.isNew === ((message.flags & 32) !== 0);
}
