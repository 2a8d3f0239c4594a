import { closeSync, openSync, readSync, type Stats, statSync } from "node:fs";
import { storedFlagBits } from "../index/schema.ts";
import { limits } from "../limits.ts";
import { errnoOf } from "../maildir/durable-file.ts";
import { internalDateMsOf, pathOfFile, type SeenFile } from "../maildir/folder-files.ts";
import { saveDateMsOfKey, sizesInKey } from "../maildir/maildir-name.ts";
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

function sizeOfFile(
  path: string,
  key: string,
): { crlfBytes: number; isLf: boolean; stats: Stats } | undefined {
  try {
    const stats = statSync(path);
    if (!stats.isFile()) return undefined;
    const promised = sizesInKey(key);
    // S is believed when it is so; W then was counted when the file was written.
    const crlfBytes =
      promised !== undefined &&
      promised.fileBytes === stats.size &&
      promised.crlfBytes >= stats.size
        ? promised.crlfBytes
        : stats.size + countLoneLf(path);
    return { crlfBytes, isLf: crlfBytes !== stats.size, stats };
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw error;
  }
}

function countLoneLf(path: string): number {
  const file = openSync(path, "r");
  try {
    const chunk = Buffer.allocUnsafe(limits.readChunkBytes);
    let count = 0;
    let before = 0;
    for (;;) {
      const length = readSync(file, chunk, 0, chunk.length, null);
      if (length === 0) return count;
      const octets = chunk.subarray(0, length);
      for (let at = octets.indexOf(0x0a); at >= 0; at = octets.indexOf(0x0a, at + 1)) {
        if ((at === 0 ? before : octets[at - 1]) !== 0x0d) count += 1;
      }
      before = octets[length - 1] ?? 0;
    }
  } finally {
    closeSync(file);
  }
}
