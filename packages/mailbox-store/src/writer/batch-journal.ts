import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { crashPoint } from "../crash-point.ts";
import { readIfThere, replaceDurably, syncDirectory } from "../maildir/durable-file.ts";
import { listMessageFiles, pathOfFile, type SeenFile } from "../maildir/folder-files.ts";
import { LockedError, StoreError } from "../store-error.ts";
import { scan } from "./jobs/scan.ts";
import type { Transaction } from "./transaction.ts";

export const batchJournalName = "posthouse-batch";
const version = "posthouse-batch 2";

/** A file that is about to appear, named by the part of its key before the sizes. */
export interface PlannedFile {
  readonly folder: string;
  readonly stem: string;
  /** What it takes the place of and must not be there besides: the source of a move. */
  readonly from?: { readonly folder: string; readonly key: string };
}

/** As it stands in the journal. */
interface NotedFile extends PlannedFile {
  /** HIGHESTMODSEQ of the folder before the batch: an index that is behind it is an older copy. */
  readonly after: number;
}

/**
 * Several messages come into a mailbox all or none, also when the process is killed among them: the
 * files that are about to appear are written down first, in `posthouse-batch`, JSON, one a line behind a
 * header that names the index.
 *
 *   state   journal   files         index       after a crash here
 *   B1      -         -             -           nothing happened
 *   B2      there     none          -           the next transaction of anybody removes the journal
 *   B3      there     some or all   -           the next transaction removes these files, then the journal
 *   B4      there     all           committed   the index knows the files: the journal alone is removed
 *   B5      -         all           committed   done
 *
 * A move and a replacement unlink what they take the place of when all is in place (C4): a file whose
 * source is gone stays, so that each message is in exactly one of the two, and comes into the index before
 * the journal goes. Where the index was lost at the same time, or is an older copy by now, nobody can say
 * whether the batch was acknowledged, and what is there stays. The index is known by its own id and not by
 * its file's device and inode: after a power failure a disk may come back with another number, and a tree
 * that was copied has other inodes.
 */
export function planFiles(
  transaction: Transaction,
  planned: readonly PlannedFile[],
  options: {
    /** Nothing of these messages stands in another file, as a keyword without a letter does. */
    readonly areWhole: boolean;
  },
): void {
  // One message by itself is whole or not there.
  if (options.areWhole && planned.length < 2 && planned[0]?.from === undefined) return;
  crashPoint("B1");
  const path = join(transaction.accountPath, batchJournalName);
  // Those of another job of this transaction.
  const before = readIfThere(path)?.toString("utf8") ?? headerOf(transaction);
  const lines = planned.map((file) => `${JSON.stringify(noted(transaction, file))}\n`);
  replaceDurably(path, before + lines.join(""));
  transaction.onEnd(() => rmSync(path, { force: true }));
  crashPoint("B2");
}

/** One look: whether a process left something that died in the middle of a batch. */
export function isBatchLeft(accountPath: string): boolean {
  return existsSync(join(accountPath, batchJournalName));
}

/** Removes what it left, or takes it in. Nothing else may be done in the account before this is committed. */
export function finishBatch(transaction: Transaction): void {
  const path = join(transaction.accountPath, batchJournalName);
  const [header, ...lines] = readIfThere(path)?.toString("utf8").split("\n") ?? [];
  if (`${header}\n` === headerOf(transaction)) {
    const planned = lines.map(parseLine).filter((file) => file !== undefined);
    for (const folder of removeUnknown(transaction, planned)) takeIn(transaction, folder);
  } else transaction.log(`Kept what "${path}" names: the index that knew of it is another one`);
  transaction.afterCommit(() => {
    rmSync(path, { force: true });
    syncDirectory(transaction.accountPath);
  });
}

/** What the index has committed: what this transaction has counted besides is written at its end. */
function noted(transaction: Transaction, file: PlannedFile): NotedFile {
  const row = transaction.statements.mailboxByFolder.get(file.folder);
  return { ...file, after: row?.highestModSeq ?? 0 };
}

/**
 * With the keywords that stand in posthouse-mailbox alone: whoever writes that file next writes what the
 * index knows.
 */
function takeIn(transaction: Transaction, folder: string): void {
  try {
    transaction.runJob(() => {
      const mailbox = transaction.mailboxOfFolder(folder);
      mailbox.followMailboxFile();
      // Before the first scan the lines of messages that the index does not know are kept.
      if (!mailbox.isScanned) return;
      const { guid } = mailbox.row;
      while (scan(transaction, { guid }).isUnfinished);
    });
  } catch (error) {
    // One mailbox that can take in nothing more is no reason to keep the others waiting.
    if (!(error instanceof StoreError) || error instanceof LockedError) throw error;
    transaction.log(`Cannot take in what a batch left in "${folder}": ${error.message}`);
  }
}

/** Gives the folders in which some stay, since their sources are gone. */
function removeUnknown(
  transaction: Transaction,
  planned: readonly NotedFile[],
): ReadonlySet<string> {
  const staying = new Set<string>();
  const folders = new Map<string, Map<string, SeenFile>>();
  const filesOf = (folder: string): Map<string, SeenFile> => {
    let files = folders.get(folder);
    if (files === undefined) {
      const listed = listMessageFiles(transaction.folderPath(folder)).values();
      files = new Map([...listed].map((file) => [stemOf(file.key), file]));
      folders.set(folder, files);
    }
    return files;
  };
  for (const { folder, stem, from, after } of planned) {
    const file = filesOf(folder).get(stem);
    const row = transaction.statements.mailboxByFolder.get(folder);
    if (file === undefined || row === undefined || row.highestModSeq < after) continue;
    if (transaction.statements.fileByKey.get(row.id, file.key) !== undefined) continue;
    if (from !== undefined && filesOf(from.folder).get(stemOf(from.key))?.key !== from.key) {
      staying.add(folder);
      continue;
    }
    rmSync(pathOfFile(transaction.folderPath(folder), file), { force: true });
    crashPoint("B3");
  }
  for (const folder of folders.keys()) {
    for (const directory of ["new", "cur"])
      syncDirectory(join(transaction.folderPath(folder), directory));
  }
  return staying;
}

function headerOf(transaction: Transaction): string {
  return `${version} ${transaction.statements.about.get("id")}\n`;
}

/** All before the first field; another program's key may have none. */
function stemOf(key: string): string {
  const comma = key.indexOf(",");
  return comma < 0 ? key : key.slice(0, comma);
}

/** undefined for half a line: it is fsynced before the first file appears, so that none has. */
function parseLine(line: string): NotedFile | undefined {
  if (line === "") return undefined;
  try {
    const { folder, stem, from, after } = JSON.parse(line) as Partial<NotedFile>;
    if (typeof folder !== "string" || typeof stem !== "string") return undefined;
    if (typeof after !== "number") return undefined;
    if (from === undefined) return { folder, stem, after };
    return typeof from.folder === "string" && typeof from.key === "string"
      ? { folder, stem, from, after }
      : undefined;
  } catch {
    return undefined;
  }
}
