import { readdirSync, renameSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { storedFlagBits } from "../../index/schema.ts";
import { errnoOf } from "../../maildir/durable-file.ts";
import { canBeKey, listMessageFiles } from "../../maildir/folder-files.ts";
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
  checkNames(transaction, mailbox, findings, args.repair);
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

/** Names that no plain file could hold: repair gives them one that is printable ASCII. */
function checkNames(
  transaction: Transaction,
  mailbox: MailboxTransaction,
  findings: Findings,
  repair: boolean,
): void {
  for (const directory of ["cur", "new"]) {
    const path = join(mailbox.folderPath, directory);
    for (const octets of readdirIfThere(path)) {
      const entry = octets.toString("utf8");
      if (entry.startsWith(".") || canBeKey(entry)) continue;
      findings.add(
        "files whose names cannot be kept",
        `${JSON.stringify(join(path, entry))} has a name that is not UTF-8 or has a control character, so that it is not seen; repair gives it another`,
      );
      if (!repair) continue;
      const { info } = parseMaildirName(octets.toString("latin1").replace(/[^ -~]/g, "_"));
      renameSync(
        Buffer.concat([Buffer.from(`${path}/`), octets]),
        join(path, newKeyStem(transaction.host) + info),
      );
    }
  }
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
    for (const octets of readdirIfThere(join(mailbox.folderPath, directory))) {
      const entry = octets.toString("utf8");
      if (entry.startsWith(".") || !canBeKey(entry)) continue;
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

function readdirIfThere(path: string): Buffer[] {
  try {
    return readdirSync(path, "buffer");
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return [];
    throw error;
  }
}

function newKeyFor(transaction: Transaction, path: string): string {
  const size = sizeOfFile(path, "");
  const stem = newKeyStem(transaction.host);
  return size === undefined ? stem : keyWithSizes(stem, size.originalBytes, size.crlfBytes);
}
