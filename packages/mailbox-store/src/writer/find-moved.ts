import type { MessageRow } from "../index/rows.ts";
import { listMessageFiles } from "../maildir/folder-files.ts";
import { StoreError } from "../store-error.ts";
import { applyRename } from "./jobs/scan.ts";
import type { MailboxTransaction } from "./mailbox-transaction.ts";
import type { Transaction } from "./transaction.ts";

/**
 * After a file was not where the index says: what another program made of it is taken in first, and the
 * message is given as it is now. undefined when it is gone; the next scan will expunge it.
 */
export function findMoved(
  transaction: Transaction,
  mailbox: MailboxTransaction,
  message: MessageRow,
): MessageRow | undefined {
  const file = listMessageFiles(mailbox.folderPath).get(message.key);
  if (file === undefined) return undefined;
  applyRename(transaction, mailbox, message, file);
  const now = transaction.statements.message.get(mailbox.row.id, message.uid);
  // Back under its old name before we looked: that other program does not rest, and we do not race it.
  if (now?.info === message.info && now.flags === message.flags) {
    throw new StoreError(
      "unavailable",
      `Cannot work on "${mailbox.path(message)}": another program keeps renaming it`,
    );
  }
  return now;
}
