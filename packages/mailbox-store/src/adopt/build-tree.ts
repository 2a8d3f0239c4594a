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
import {
  formatKeywordList,
  keywordLettersMax,
  letterOfKeywordIndex,
} from "../maildir/keyword-list.ts";
import { formatMailboxFile } from "../maildir/mailbox-file.ts";
import { infoLetters } from "../maildir/maildir-name.ts";
import { formatNameStyle, nameStyleFileName, ownNameStyle } from "../maildir/name-style.ts";
import { formatSubscriptions } from "../maildir/subscriptions.ts";
import { formatUidListHeader, formatUidListLine } from "../maildir/uid-list.ts";
import { uidValidityName } from "../maildir/uid-validity.ts";
import { StoreError } from "../store-error.ts";
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
  transfer: Transfer,
): Promise<ReadonlySet<string>> {
  const taken = new Set<string>();
  makePrivateDirectory(target);
  for (const folder of tree.folders) {
    const to = join(target, folder.folder);
    for (const directory of ["", "new", "cur", "tmp"]) makePrivateDirectory(join(to, directory));
    const keywords = new FolderKeywords(folder);
    // Listed once more: the survey may be old by now.
    const files = [...listMessageFiles(folder.path).values()];
    await inParallel(files, async (file) => {
      const isThere = await bring(folder.path, file, to, keywords.fileNamed(file), transfer);
      if (isThere) taken.add(`${folder.folder}/${file.key}`);
    });
    crashPoint("T1");
    writePlainFiles(tree, folder, to, keywords);
    for (const directory of ["new", "cur", ""]) syncDirectory(join(to, directory));
  }
  writeAccountFiles(tree, target);
  syncDirectory(target);
  return taken;
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

/** Keywords that stand beside the files become letters in their names, as far as letters go. */
class FolderKeywords {
  readonly names: (string | undefined)[];
  readonly #keywordsOf: ReadonlyMap<string, readonly string[]>;

  constructor(folder: SourceFolder) {
    this.names = [...folder.letters];
    this.#keywordsOf = folder.keywordsOf;
    const wanted = new Set([...folder.keywordsOf.values()].flat());
    for (const name of wanted) {
      if (this.#positionOf(name) < 0 && this.names.length < limits.keywordsMax) {
        const free = this.names.indexOf(undefined);
        if (free < 0) this.names.push(name);
        else this.names[free] = name;
      }
    }
  }

  fileNamed(file: SeenFile): SeenFile {
    const letters = this.positionsOf(file.key)
      .map(letterOfKeywordIndex)
      .filter((letter) => letter !== undefined);
    if (letters.length === 0) return file;
    const all = new Set([...infoLetters(file.info).split(""), ...letters]);
    return { ...file, isNew: false, info: `:2,${[...all].sort().join("")}` };
  }

  positionsOf(key: string): number[] {
    const positions = (this.#keywordsOf.get(key) ?? []).map((name) => this.#positionOf(name));
    return [...new Set(positions.filter((at) => at >= 0))].sort((a, b) => a - b);
  }

  get beyondLetters(): Map<number, string> {
    const more = new Map<number, string>();
    for (const [at, name] of this.names.entries()) {
      if (at >= keywordLettersMax && name !== undefined) more.set(at, name);
    }
    return more;
  }

  get keysBeyondLetters(): Map<string, number[]> {
    const messages = new Map<string, number[]>();
    for (const key of this.#keywordsOf.keys()) {
      const beyond = this.positionsOf(key).filter((at) => at >= keywordLettersMax);
      if (beyond.length > 0) messages.set(key, beyond);
    }
    return messages;
  }

  #positionOf(name: string): number {
    const lowered = name.toLowerCase();
    return this.names.findIndex((known) => known?.toLowerCase() === lowered);
  }
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
  } else {
    replaceDurably(
      mailboxFile,
      formatMailboxFile({
        id: guid,
        uidReserved: 0,
        // Above whatever the program before us may have given out: it counted changes, and no mailbox has
        // had so many changes as ms have passed since 1970.
        modSeqReserved: Date.now(),
        specialUse: specialUsesOf(tree).get(folder.folder) ?? [],
        moreKeywords: keywords.beyondLetters,
        keywordsOfMessages: keywords.keysBeyondLetters,
        annotations: [],
        rights: new Map(),
        otherLines: [],
      }),
    );
  }
  if (folder.folder !== inboxFolder && !existsSync(join(to, "maildirfolder"))) {
    replaceDurably(join(to, "maildirfolder"), "");
  }
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

/** Several at a time, since each waits for the disk; the first failure ends it. */
async function inParallel<Item>(
  items: readonly Item[],
  run: (item: Item) => Promise<void>,
): Promise<void> {
  const waiting = items.values();
  const worker = async () => {
    for (const item of waiting) await run(item);
  };
  await Promise.all(Array.from({ length: limits.adoptionsAtOnce }, worker));
}
