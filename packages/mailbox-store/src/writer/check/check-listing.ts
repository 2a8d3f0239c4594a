import { readdirSync, renameSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { storedFlagBits } from "../../index/schema.ts";
import { listMessageFiles } from "../../maildir/folder-files.ts";
import { nameOfFolder } from "../../maildir/folder-name.ts";
import { keyWithSizes, newKeyStem, parseMaildirName } from "../../maildir/maildir-name.ts";
import { sizeOfFile } from "../adopt-file.ts";
import type { Jobs } from "../jobs.ts";
import type { MailboxTransaction } from "../mailbox-transaction.ts";
import type { Transaction } from "../transaction.ts";
import { Findings } from "./findings.ts";

/**
 * The names in new/ and cur/ and those in the index. Repair here only gives two files of one key a key
 * each; for all else the scan that follows takes the files' word.
 */
export function checkListing(
  transaction: Transaction,
  args: Jobs["checkListing"]["args"],
): Jobs["checkListing"]["result"] {
  const mailbox = transaction.mailboxOfFolder(args.folder);
  const name = nameOfFolder(mailbox.row.folder);
  const findings = new Findings();
  if (mailbox.mbox !== undefined) {
    if (mailbox.isScanned) {
      for (const finding of mailbox.mbox.check()) {
        findings.add(
          "messages of an mbox",
          `${finding} in "${name}"; repair takes the mbox's word`,
        );
      }
    }
    return findings.all();
  }
  checkDoubles(transaction, mailbox, findings, args.repair);
  // Before the first scan there is nothing that could disagree.
  if (!mailbox.isScanned) return findings.all();
  const files = listMessageFiles(mailbox.folderPath);
  for (const { uid, key, info, flags } of transaction.statements.files.iterate(mailbox.row.id)) {
    const file = files.get(key);
    files.delete(key);
    if (file === undefined) {
      findings.add(
        "files that are gone",
        `The file of UID ${uid} in "${name}" is gone; repair tells clients that the message is expunged`,
      );
    } else if (file.info !== info || file.isNew !== ((flags & storedFlagBits.isNew) !== 0)) {
      findings.add(
        "files under another name",
        `The file of UID ${uid} in "${name}" has another name, ${key}${file.info}; repair takes the flags that it tells`,
      );
    }
  }
  for (const { key, info } of files.values()) {
    findings.add(
      "files that the index does not know",
      `The index does not know the file ${key}${info} in "${name}"; repair takes it in under a new UID`,
    );
  }
  return findings.all();
}

/** All before the colon is the key, and two files of one key are to us one message. */
function checkDoubles(
  transaction: Transaction,
  mailbox: MailboxTransaction,
  findings: Findings,
  repair: boolean,
): void {
  const paths = new Map<string, string>();
  for (const directory of ["cur", "new"]) {
    for (const entry of readdirSync(join(mailbox.folderPath, directory))) {
      if (entry.startsWith(".")) continue;
      const { key, info } = parseMaildirName(entry);
      const path = join(mailbox.folderPath, directory, entry);
      const first = paths.get(key);
      if (first === undefined) {
        paths.set(key, path);
        continue;
      }
      const isSame = statSync(first).ino === statSync(path).ino;
      findings.add(
        "files with a key that another has",
        `"${path}" has the same key as "${first}", so that only one of them is seen; repair ${isSame ? "removes it, since both are one file" : "gives it a key of its own"}`,
      );
      if (!repair) continue;
      if (isSame) rmSync(path);
      else
        renameSync(path, join(mailbox.folderPath, directory, newKeyFor(transaction, path) + info));
    }
  }
}

function newKeyFor(transaction: Transaction, path: string): string {
  const size = sizeOfFile(path, "");
  const stem = newKeyStem(transaction.host);
  return size === undefined ? stem : keyWithSizes(stem, size.originalBytes, size.crlfBytes);
}
