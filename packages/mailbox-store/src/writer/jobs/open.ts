import { existsSync, lstatSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { MailboxRow } from "../../index/rows.ts";
import { limits } from "../../limits.ts";
import { errnoOf } from "../../maildir/durable-file.ts";
import { fileSignature } from "../../maildir/file-signature.ts";
import { mailboxFileName } from "../../maildir/mailbox-file.ts";
import { formatOfFolder } from "../../mbox/mbox-folder.ts";
import { makeDirectory } from "../folder-on-disk.ts";
import { keywordsFileName } from "../keyword-table.ts";
import type { Transaction } from "../transaction.ts";
import { uidListName } from "../uid-list-file.ts";
import { followPlainFile } from "./annotations.ts";
import { finishRenames } from "./mailboxes.ts";
import { listFolders, syncFolders } from "./sync-folders.ts";

/** What an account needs once when it is opened: what a crash left is finished or swept. */
export function tidyAccount(transaction: Transaction): void {
  finishRenames(transaction);
  syncFolders(transaction);
  followPlainFiles(transaction);
  const oldestMs = Date.now() - limits.deliveryMemoryMs;
  transaction.statements.forgetDeliveries.run(oldestMs);
  const deleted = [...sweep(transaction), ...transaction.expunged.overdue()];
  // Takes as long as there are files, and nobody should wait for it.
  transaction.afterCommit(() => {
    for (const path of deleted) rmSync(path, { recursive: true, force: true });
  });
}

function followPlainFiles(transaction: Transaction): void {
  followPlainFile(transaction, { folder: undefined });
  for (const row of transaction.statements.mailboxes.all()) {
    const { folder, mailboxFileSeen } = row;
    const path = transaction.folderPath(folder);
    if (fileSignature(join(path, mailboxFileName)) !== mailboxFileSeen) {
      followPlainFile(transaction, { folder });
    }
    // Until its first scan the index does not know what stood in a list that is gone.
    if (row.isScanned === 1 && formatOfFolder(path) === "maildir") {
      writeListsIfGone(transaction, row, path);
    }
  }
}

/** Without them nobody could tell the UIDs, and what letters in file names mean, should the index be lost too. */
function writeListsIfGone(transaction: Transaction, row: MailboxRow, path: string): void {
  if (!existsSync(join(path, uidListName))) transaction.mailbox(row).rewriteUidList();
  if (existsSync(join(path, keywordsFileName))) return;
  const isUsed = transaction.statements.keywords.all(row.id).length > 0;
  if (isUsed) transaction.mailbox(row).keywords.writeFileIfOther();
}

/** Inside the transaction, so that nothing is swept that another process is just making. */
function sweep(transaction: Transaction): string[] {
  const { accountPath } = transaction;
  const deleted: string[] = [];
  for (const folder of listFolders(accountPath)) {
    const path = transaction.folderPath(folder);
    // Half-written replacements of plain files, and a journal of an mbox that was not whole yet.
    sweepOld(path, (entry) => /\.tmp-\d+-\d+$/.test(entry));
    const isMaildir = formatOfFolder(path) === "maildir";
    // Backups leave out what is empty.
    if (isMaildir) makeIfGone(join(path, "new"));
    if (!isMaildir && folder !== "") continue;
    makeIfGone(join(path, "tmp"));
    sweepOld(join(path, "tmp"), () => true);
  }
  for (const entry of readdirSync(accountPath)) {
    const path = join(accountPath, entry);
    if (/^posthouse-making\.[0-9a-f]{16}$/.test(entry)) rmSync(path, { recursive: true });
    if (/^posthouse-deleted\.[0-9a-f]{16}$/.test(entry)) deleted.push(path);
  }
  return deleted;
}

function makeIfGone(directory: string): void {
  if (!existsSync(directory)) makeDirectory(directory);
}

function sweepOld(directory: string, isOurs: (entry: string) => boolean): void {
  const oldestMs = Date.now() - limits.tmpAgeMsMax;
  for (const entry of readdirSync(directory)) {
    if (!isOurs(entry)) continue;
    const path = join(directory, entry);
    try {
      const stats = lstatSync(path);
      if (stats.isFile() && stats.mtimeMs < oldestMs) rmSync(path, { force: true });
    } catch (error) {
      if (errnoOf(error) !== "ENOENT") throw error;
    }
  }
}
