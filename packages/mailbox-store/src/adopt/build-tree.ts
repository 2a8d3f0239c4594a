import { randomBytes } from "node:crypto";
import { chmodSync, existsSync, mkdirSync } from "node:fs";
import { copyFile, link, open, realpath, stat, utimes } from "node:fs/promises";
import { join } from "node:path";
import { crashPoint } from "../crash-point.ts";
import { limits } from "../limits.ts";
import {
  directoryMode,
  errnoOf,
  fileMode,
  readIfThere,
  replaceDurably,
  syncDirectory,
} from "../maildir/durable-file.ts";
import { listMessageFiles, pathOfFile, type SeenFile } from "../maildir/folder-files.ts";
import { inboxFolder } from "../maildir/folder-name.ts";
import { formatKeywordList, keywordLettersMax } from "../maildir/keyword-list.ts";
import { formatMailboxFile } from "../maildir/mailbox-file.ts";
import { formatNameStyle, nameStyleFileName, ownNameStyle } from "../maildir/name-style.ts";
import { formatSubscriptions } from "../maildir/subscriptions.ts";
import { formatUidListHeader, formatUidListLine } from "../maildir/uid-list.ts";
import { uidValidityName } from "../maildir/uid-validity.ts";
import { formatFileName, mboxName } from "../mbox/mbox-folder.ts";
import { StoreError } from "../store-error.ts";
import type { MailboxFormat } from "../types.ts";
import { convertMbox } from "./convert-mbox.ts";
import { copyMbox } from "./copy-mbox.ts";
import { FolderKeywords } from "./folder-keywords.ts";
import { inParallel } from "./in-parallel.ts";
import { takenMbox } from "./remove-mboxes.ts";
import { lastUidValidity, type SourceFolder, type SourceTree } from "./source-tree.ts";
import { specialUsesOf } from "./special-use.ts";

export type Transfer = "copy" | "link";

/**
 * Makes a whole account of a tree, in a directory that nobody sees yet, and on disk when it resolves.
 * Modification times come along, since they are INTERNALDATE. Gives the files that were taken, as
 * `<folder>/<key>`.
 */
export async function buildTree(
  tree: SourceTree,
  target: string,
  { transfer, format }: { readonly transfer: Transfer; readonly format: MailboxFormat },
): Promise<ReadonlySet<string>> {
  const taken = new Set<string>();
  const built: SourceFolder[] = [];
  makePrivateDirectory(target);
  // Where everything is received, whatever the format.
  makePrivateDirectory(join(target, "tmp"));
  const freshUidValidity = uidValiditiesAfter(tree);
  for (const folder of tree.folders) {
    const to = join(target, folder.folder);
    makePrivateDirectory(to);
    if (folder.mbox !== undefined && format === "mbox") {
      taken.add(takenMbox(tree, folder, await copyMbox(folder, join(to, mboxName))));
      crashPoint("T1");
      built.push(folder);
      writeMailboxFile(tree, folder, to);
      syncDirectory(to);
      continue;
    }
    for (const directory of ["new", "cur", "tmp"]) makePrivateDirectory(join(to, directory));
    const keywords = new FolderKeywords(folder);
    if (folder.mbox === undefined) {
      await bringFiles(folder, to, { keywords, transfer, taken });
      built.push(folder);
    } else {
      const converted = await convertMbox(folder, to, keywords, freshUidValidity);
      taken.add(takenMbox(tree, folder, converted.signature));
      built.push({ ...folder, uids: converted.uids });
    }
    crashPoint("T1");
    writePlainFiles(tree, built.at(-1) ?? folder, to, keywords);
    for (const directory of ["new", "cur", ""]) syncDirectory(join(to, directory));
  }
  writeAccountFiles({ ...tree, folders: built }, target);
  if (format === "mbox") replaceDurably(join(target, formatFileName), `${format}\n`);
  syncDirectory(target);
  return taken;
}

async function bringFiles(
  folder: SourceFolder,
  to: string,
  {
    keywords,
    transfer,
    taken,
  }: {
    readonly keywords: FolderKeywords;
    readonly transfer: Transfer;
    readonly taken: Set<string>;
  },
): Promise<void> {
  // Listed once more: the survey may be old by now.
  await inParallel(listMessageFiles(folder.path).values(), async (file) => {
    const isThere = await bring(folder.path, file, to, keywords.fileNamed(file), transfer);
    if (isThere) taken.add(`${folder.folder}/${file.key}`);
  });
}

/** For mailboxes whose UIDs cannot stay: each a larger one than any that clients have seen. */
function uidValiditiesAfter(tree: SourceTree): () => number {
  let last = Math.max(lastUidValidity(tree), Math.floor(Date.now() / 1000));
  return () => {
    last = Math.min(last + 1, limits.uidMax);
    return last;
  };
}

/** Puts the plain files beside messages that stay where they are; those that are there are left alone. */
export function completeInPlace(
  tree: SourceTree,
  renameFile: (from: string, to: string) => void,
): void {
  // First, since the next run reads from them how clients know the names: Courier's tree will look like Dovecot's.
  writeAccountFiles(tree, tree.path);
  for (const folder of tree.folders) {
    for (const directory of ["new", "cur", "tmp"]) {
      mkdirSync(join(folder.path, directory), { recursive: true });
    }
    const keywords = new FolderKeywords(folder);
    // The list of keywords first: a letter never stands in a name without a meaning.
    writePlainFiles(tree, folder, folder.path, keywords);
    crashPoint("I1");
    for (const file of folder.files) {
      const wanted = keywords.fileNamed(file);
      if (wanted.info === file.info && wanted.isNew === file.isNew) continue;
      renameFile(pathOfFile(folder.path, file), pathOfFile(folder.path, wanted));
    }
    syncDirectory(join(folder.path, "cur"));
  }
}

/** False when the file went away; one that was renamed meanwhile is found under its new name. */
async function bring(
  fromFolder: string,
  file: SeenFile,
  toFolder: string,
  toFile: SeenFile,
  transfer: Transfer,
): Promise<boolean> {
  const to = pathOfFile(toFolder, toFile);
  for (let attempt = 0; attempt < 3; attempt += 1) {
    const seen = attempt === 0 ? file : listMessageFiles(fromFolder).get(file.key);
    if (seen === undefined) return false;
    try {
      // A message may be a link by name: the file itself is what is taken.
      const from = await realpath(pathOfFile(fromFolder, seen));
      // What is no file is no message, for the store as for Dovecot.
      if (!(await stat(from)).isFile()) return false;
      await (transfer === "link" ? link : copyDurably)(from, to);
      return true;
    } catch (error) {
      if (errnoOf(error) !== "ENOENT") throw asLinkFailure(error, transfer);
    }
  }
  throw new StoreError(
    "unavailable",
    `Cannot take over "${fromFolder}": another program is working on it`,
  );
}

function asLinkFailure(error: unknown, transfer: Transfer): unknown {
  if (transfer !== "link" || errnoOf(error) !== "EXDEV") return error;
  return new StoreError(
    "not-permitted",
    "Cannot link messages between two file systems: copy them instead",
    { cause: error },
  );
}

async function copyDurably(from: string, to: string): Promise<void> {
  const { atime, mtime } = await stat(from);
  await copyFile(from, to);
  await utimes(to, atime, mtime);
  await using file = await open(to, "r+");
  await file.chmod(fileMode);
  await file.sync();
}

function writePlainFiles(
  tree: SourceTree,
  folder: SourceFolder,
  to: string,
  keywords: FolderKeywords,
): void {
  const isInPlace = to === folder.path;
  const guid = folder.uids?.guid ?? randomBytes(16).toString("hex");
  writeUidList(folder, to, guid, isInPlace);
  const letters = keywords.names.slice(0, keywordLettersMax);
  if (letters.length > 0) replaceDurably(join(to, "dovecot-keywords"), formatKeywordList(letters));
  const mailboxFile = join(to, "posthouse-mailbox");
  const before = readIfThere(join(folder.path, "posthouse-mailbox"));
  if (before !== undefined) {
    if (!isInPlace) replaceDurably(mailboxFile, before);
  } else writeMailboxFile(tree, folder, to, { guid, keywords });
  if (folder.folder !== inboxFolder && !existsSync(join(to, "maildirfolder"))) {
    replaceDurably(join(to, "maildirfolder"), "");
  }
}

/** Of an mbox there are no keywords to be noted beside it: they stand in it by name. */
function writeMailboxFile(
  tree: SourceTree,
  folder: SourceFolder,
  to: string,
  {
    guid = randomBytes(16).toString("hex"),
    keywords,
  }: { readonly guid?: string; readonly keywords?: FolderKeywords } = {},
): void {
  replaceDurably(
    join(to, "posthouse-mailbox"),
    formatMailboxFile({
      id: guid,
      ...(keywords === undefined && folder.uids !== undefined
        ? { uidValidity: folder.uids.uidValidity }
        : {}),
      uidReserved: 0,
      // Above whatever the program before us may have given out: it counted changes, and no mailbox has
      // had so many changes as ms have passed since 1970.
      modSeqReserved: Date.now(),
      specialUse: specialUsesOf(tree).get(folder.folder) ?? [],
      moreKeywords: keywords?.beyondLetters ?? new Map(),
      keywordsOfMessages: keywords?.keysBeyondLetters ?? new Map(),
      annotations: [],
      rights: new Map(),
      otherLines: [],
    }),
  );
}

/** A list of Dovecot is kept octet for octet; of Courier's, or of an older version, one is made. */
function writeUidList(folder: SourceFolder, to: string, guid: string, isInPlace: boolean): void {
  const { uids } = folder;
  const before = readIfThere(join(folder.path, "dovecot-uidlist"));
  if (before?.toString("latin1", 0, 2) === "3 " && uids?.guid !== undefined) {
    if (!isInPlace) replaceDurably(join(to, "dovecot-uidlist"), before);
    return;
  }
  // Without one the store gives out the next UIDVALIDITY when it first opens the mailbox.
  if (uids === undefined) return;
  const lines = uids.entries.map(formatUidListLine).join("");
  replaceDurably(join(to, "dovecot-uidlist"), formatUidListHeader({ ...uids, guid }) + lines);
}

function writeAccountFiles(tree: SourceTree, to: string): void {
  if (!existsSync(join(to, "subscriptions"))) {
    replaceDurably(join(to, "subscriptions"), formatSubscriptions(tree.subscribed, tree.style));
  }
  if (JSON.stringify(tree.style) !== JSON.stringify(ownNameStyle)) {
    replaceDurably(join(to, nameStyleFileName), formatNameStyle(tree.style));
  }
  replaceDurably(join(to, uidValidityName), `${uidValidityAfter(tree)}\n`);
}

/** No mailbox that is made later may have a UIDVALIDITY that an earlier one of that name had. */
function uidValidityAfter(tree: SourceTree): number {
  const own = readIfThere(join(tree.path, uidValidityName))?.toString("latin1").trim() ?? "";
  return Math.max(lastUidValidity(tree), /^\d{1,10}$/.test(own) ? Number(own) : 0);
}

function makePrivateDirectory(path: string): void {
  mkdirSync(path, { recursive: true });
  chmodSync(path, directoryMode);
}
