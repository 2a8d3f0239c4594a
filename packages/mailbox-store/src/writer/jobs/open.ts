import { lstatSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { limits } from "../../limits.ts";
import { errnoOf } from "../../maildir/durable-file.ts";
import { fileSignature } from "../../maildir/file-signature.ts";
import { mailboxFileName } from "../../maildir/mailbox-file.ts";
import { formatOfFolder } from "../../mbox/mbox-folder.ts";
import type { Transaction } from "../transaction.ts";
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
  const deleted = sweep(transaction);
  // Takes as long as there are files, and nobody should wait for it.
  transaction.afterCommit(() => {
    for (const path of deleted) rmSync(path, { recursive: true, force: true });
  });
}

function followPlainFiles(transaction: Transaction): void {
  followPlainFile(transaction, { folder: undefined });
  for (const { folder, mailboxFileSeen } of transaction.statements.mailboxes.all()) {
    const seen = fileSignature(join(transaction.folderPath(folder), mailboxFileName));
    if (seen !== mailboxFileSeen) followPlainFile(transaction, { folder });
  }
}

/** Inside the transaction, so that nothing is swept that another process is just making. */
function sweep(transaction: Transaction): string[] {
  const { accountPath } = transaction;
  const deleted: string[] = [];
  for (const folder of listFolders(accountPath)) {
    const path = transaction.folderPath(folder);
    const isMbox = formatOfFolder(path) === "mbox";
    // A journal of an mbox that was not whole yet.
    if (isMbox) sweepOld(path, (entry) => /\.tmp-\d+-\d+$/.test(entry));
    if (!isMbox || folder === "") sweepOld(join(path, "tmp"), () => true);
  }
  for (const entry of readdirSync(accountPath)) {
    const path = join(accountPath, entry);
    if (/^posthouse-making\.[0-9a-f]{16}$/.test(entry)) rmSync(path, { recursive: true });
    if (/^posthouse-deleted\.[0-9a-f]{16}$/.test(entry)) deleted.push(path);
  }
  // Half-written replacements of plain files.
  sweepOld(accountPath, (entry) => /\.tmp-\d+-\d+$/.test(entry));
  return deleted;
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
