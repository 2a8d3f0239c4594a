import { type Stats, statSync } from "node:fs";
import { sizesOfFile } from "../compression/sizes-of-file.ts";
import { storedFlagBits } from "../index/schema.ts";
import { errnoOf } from "../maildir/durable-file.ts";
import { internalDateMsOf, pathOfFile, type SeenFile } from "../maildir/folder-files.ts";
import { saveDateMsOfKey } from "../maildir/maildir-name.ts";
import { flagsOfInfo } from "../message-flags.ts";
import type { MailboxTransaction } from "./mailbox-transaction.ts";
import type { Transaction } from "./transaction.ts";

/**
 * Takes a file that another program put there into the index; false when it is gone again. Only what a
 * list of messages needs is read now: envelope and structure follow when they are asked for.
 */
export function adoptFile(
  transaction: Transaction,
  mailbox: MailboxTransaction,
  file: SeenFile,
  uid: number,
  morePositions: readonly number[],
): boolean {
  const path = pathOfFile(mailbox.folderPath, file);
  const size = sizeOfFile(path, file.key);
  if (size === undefined) return false;
  const { systemFlags, keywordIndexes } = flagsOfInfo(file.info);
  transaction.statements.insertMessage.run(
    mailbox.row.id,
    uid,
    systemFlags | (file.isNew ? storedFlagBits.isNew : 0) | (size.isLf ? storedFlagBits.isLf : 0),
    mailbox.keywords.setOf([...keywordIndexes, ...morePositions]),
    mailbox.modSeq(),
    size.crlfBytes,
    internalDateMsOf(size.stats),
    saveDateMsOfKey(file.key) ?? size.stats.ctimeMs,
  );
  transaction.statements.insertFile.run(mailbox.row.id, file.key, uid, file.info);
  return true;
}

/** undefined when there is no such file. */
export function sizeOfFile(
  path: string,
  key: string,
): { originalBytes: number; crlfBytes: number; isLf: boolean; stats: Stats } | undefined {
  try {
    const stats = statSync(path);
    if (!stats.isFile()) return undefined;
    const { originalBytes, crlfBytes } = sizesOfFile(path, key, stats.size);
    return { originalBytes, crlfBytes, isLf: crlfBytes !== originalBytes, stats };
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw error;
  }
}
