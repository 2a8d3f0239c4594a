import type { MailboxRow } from "../../index/rows.ts";
import { storedFlagBits } from "../../index/schema.ts";
import { listMessageFiles } from "../../maildir/folder-files.ts";
import { nameOfFolder } from "../../maildir/folder-name.ts";
import type { Jobs } from "../jobs.ts";
import type { Transaction } from "../transaction.ts";
import { scan } from "./scan.ts";
import { listFolders, syncFolders } from "./sync-folders.ts";

/** Compares files and index; with `repair` the files win. */
export function check(
  transaction: Transaction,
  args: Jobs["check"]["args"],
): Jobs["check"]["result"] {
  const { statements } = transaction;
  const findings: string[] = [];
  for (const damage of statements.damage.all()) {
    if (damage !== "ok") findings.push(`The index is damaged: ${damage}`);
  }
  const folders = listFolders(transaction.accountPath);
  const rows = statements.mailboxes.all();
  for (const { folder } of rows) {
    if (!folders.has(folder)) findings.push(`The folder of "${nameOfFolder(folder)}" is gone`);
  }
  for (const folder of folders) {
    const row = rows.find((candidate) => candidate.folder === folder);
    if (row === undefined) findings.push(`The index does not know "${nameOfFolder(folder)}"`);
    else findings.push(...checkFiles(transaction, row));
  }
  if (args.repair) repair(transaction);
  return findings;
}

function* checkFiles(transaction: Transaction, row: MailboxRow): Generator<string> {
  // Before the first scan there is nothing that could disagree.
  if (row.isScanned === 0) return;
  const name = nameOfFolder(row.folder);
  const files = listMessageFiles(transaction.folderPath(row.folder));
  for (const { uid, key, info, flags } of transaction.statements.files.iterate(row.id)) {
    const file = files.get(key);
    files.delete(key);
    if (file === undefined) yield `The file of UID ${uid} in "${name}" is gone`;
    else if (file.info !== info || file.isNew !== ((flags & storedFlagBits.isNew) !== 0)) {
      yield `The file of UID ${uid} in "${name}" has another name: ${key}${file.info}`;
    }
  }
  for (const { key, info } of files.values()) {
    yield `The index does not know the file ${key}${info} in "${name}"`;
  }
}

function repair(transaction: Transaction): void {
  syncFolders(transaction);
  for (const { guid } of transaction.statements.mailboxes.all()) {
    transaction.mailboxOfGuid(guid).rewriteUidList();
    while (scan(transaction, { guid }).isUnfinished) {
      // Each round takes in some hundred files.
    }
  }
}
