import { mkdirSync, readdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import type { MailboxRow } from "../../index/rows.ts";
import { limits } from "../../limits.ts";
import { readIfThere, replaceDurably } from "../../maildir/durable-file.ts";
import { inboxFolder, isFolderName } from "../../maildir/folder-name.ts";
import {
  formatMailboxFile,
  type MailboxFile,
  mailboxFileName,
  parseMailboxFile,
} from "../../maildir/mailbox-file.ts";
import {
  formatUidListHeader,
  formatUidListLine,
  parseUidList,
  type UidList,
} from "../../maildir/uid-list.ts";
import { nextUidValidity } from "../../maildir/uid-validity.ts";
import { formatOfFolder } from "../../mbox/mbox-folder.ts";
import { newGuid } from "../folder-on-disk.ts";
import type { Jobs } from "../jobs.ts";
import type { Transaction } from "../transaction.ts";
import { uidListName } from "../uid-list-file.ts";

/**
 * The folders on disk are the mailboxes. A folder that went and one that came with the same id in its
 * posthouse-mailbox are one mailbox under another name; a second folder of the same id is a copy, and
 * gets an id of its own.
 */
export function syncFolders(
  transaction: Transaction,
  _args: Jobs["syncFolders"]["args"] = {},
): Jobs["syncFolders"]["result"] {
  const folders = listFolders(transaction.accountPath);
  const rows = transaction.statements.mailboxes.all();
  const rowOfFolder = new Map(rows.map((row) => [row.folder, row]));
  const gone = new Map(
    rows.filter(({ folder }) => !folders.has(folder)).map((row) => [row.guid, row]),
  );
  for (const folder of folders) {
    if (!rowOfFolder.has(folder)) adoptFolder(transaction, folder, gone);
  }
  for (const row of gone.values()) {
    transaction.statements.deleteMailbox.run(row.id);
    transaction.noteChange();
  }
  return undefined;
}

/** '' for INBOX, and every subfolder that has a cur/ or an mbox. */
export function listFolders(accountPath: string): Set<string> {
  const folders = new Set([inboxFolder]);
  for (const entry of readdirSync(accountPath)) {
    if (isFolderName(entry) && formatOfFolder(join(accountPath, entry)) !== undefined)
      folders.add(entry);
  }
  return folders;
}

/** Gives a folder on disk its row, with whatever its plain files say. */
export function adoptFolder(
  transaction: Transaction,
  folder: string,
  gone: Map<string, MailboxRow> = new Map(),
): void {
  const { statements } = transaction;
  const path = transaction.folderPath(folder);
  const isMbox = formatOfFolder(path) === "mbox";
  for (const directory of isMbox ? [] : ["new", "cur", "tmp"]) {
    mkdirSync(join(path, directory), { recursive: true });
  }
  const file = readMailboxFile(transaction, path);
  transaction.noteChange();
  const renamed = file === undefined ? undefined : gone.get(file.id);
  if (renamed !== undefined) {
    gone.delete(renamed.guid);
    statements.moveMailbox.run(folder, renamed.id);
    return;
  }
  insertFolder(transaction, folder, path, file);
}

function insertFolder(
  transaction: Transaction,
  folder: string,
  path: string,
  file: MailboxFile | undefined,
): void {
  const { statements } = transaction;
  const octets = readIfThere(join(path, uidListName));
  let list = octets === undefined ? undefined : parseUidList(octets);
  const wanted = file?.id ?? list?.guid;
  const isTaken = wanted !== undefined && statements.mailboxByGuid.get(wanted) !== undefined;
  const guid = wanted === undefined || isTaken ? newGuid() : wanted;
  if (isTaken && list !== undefined) list = giveListAnotherLife(transaction, path, guid, list);
  const row = {
    folder,
    guid,
    uidValidity: list?.uidValidity ?? file?.uidValidity ?? freshUidValidity(transaction),
    // Above the reserved mark: lines that were appended last may not have reached the disk.
    uidNext: Math.max(list?.uidNext ?? 1, nextAbove(file?.uidReserved)),
    highestModSeq: nextAbove(file === undefined ? modSeqsUnknown(path, list) : file.modSeqReserved),
    uidReserved: 0,
    modSeqReserved: 0,
    specialUse: file?.specialUse.join(" ") ?? "",
  };
  row.uidReserved = Math.min(row.uidNext + limits.uidsReserved, limits.uidMax);
  row.modSeqReserved = row.highestModSeq + limits.modSeqsReserved;
  statements.insertMailbox.run(row as MailboxRow);
  replaceDurably(
    join(path, mailboxFileName),
    formatMailboxFile({
      specialUse: [],
      moreKeywords: new Map(),
      keywordsOfMessages: new Map(),
      annotations: [],
      rights: new Map(),
      otherLines: [],
      ...file,
      id: guid,
      ...(formatOfFolder(path) === "mbox" ? { uidValidity: row.uidValidity } : {}),
      uidReserved: row.uidReserved,
      modSeqReserved: row.modSeqReserved,
    }),
  );
  const mailbox = transaction.mailboxOfFolder(folder);
  mailbox.takeIn(file);
  mailbox.keywords.restore(file?.moreKeywords ?? new Map());
  mailbox.keywords.readFile();
  // A list that is not there, or that names another mailbox's id, is written with the commit.
  if (mailbox.mbox === undefined && (list === undefined || list.guid !== guid))
    mailbox.rewriteUidList();
}

/**
 * A copied folder has the UIDs of the one it was copied from, and goes its own way from here on. Under the
 * same UIDVALIDITY, a client would not notice when one is deleted and the other takes its name.
 */
function giveListAnotherLife(
  transaction: Transaction,
  path: string,
  guid: string,
  list: UidList,
): UidList {
  const other = { ...list, guid, uidValidity: freshUidValidity(transaction) };
  const lines = other.entries.map(formatUidListLine).join("");
  replaceDurably(join(path, uidListName), formatUidListHeader(other) + lines);
  return other;
}

/**
 * What a mailbox has counted to whose posthouse-mailbox is lost, or was never there: no mailbox has had so
 * many changes as ms have passed since 1970. One without UIDs is new to every client.
 */
function modSeqsUnknown(path: string, list: UidList | undefined): number {
  return list === undefined && formatOfFolder(path) !== "mbox" ? 0 : Date.now();
}

function nextAbove(reserved: number | undefined): number {
  return (reserved ?? 0) + 1;
}

function freshUidValidity(transaction: Transaction): number {
  const inUse = transaction.statements.mailboxes.all().map(({ uidValidity }) => uidValidity);
  return nextUidValidity(transaction.accountPath, Math.max(0, ...inUse));
}

/** One that cannot be read is set aside. */
export function readMailboxFile(transaction: Transaction, path: string): MailboxFile | undefined {
  const filePath = join(path, mailboxFileName);
  const octets = readIfThere(filePath);
  const file = octets === undefined ? undefined : parseMailboxFile(octets);
  if (octets !== undefined && file === undefined) {
    const aside = `${filePath}.unread-${Date.now()}`;
    renameSync(filePath, aside);
    transaction.log(`Cannot read "${filePath}": it is kept as "${aside}"`);
  }
  return file;
}
