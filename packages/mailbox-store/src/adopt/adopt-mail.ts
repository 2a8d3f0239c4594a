import {
  existsSync,
  lchownSync,
  lstatSync,
  readdirSync,
  realpathSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  unlinkSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { accountPath } from "../account-path.ts";
import { armCrashPoint, crashPoint } from "../crash-point.ts";
import { errnoOf, readIfThere, replaceDurably, syncDirectory } from "../maildir/durable-file.ts";
import { listMessageFiles, pathOfFile } from "../maildir/folder-files.ts";
import { StoreError } from "../store-error.ts";
import type { AccountRef, MailboxFormat } from "../types.ts";
import { accountFileName, markerName } from "../writer/account-tree.ts";
import { makeDirectory } from "../writer/folder-on-disk.ts";
import { listFolders } from "../writer/jobs/sync-folders.ts";
import { buildTree, completeInPlace, type Transfer } from "./build-tree.ts";
import { countedMessages } from "./counted-messages.ts";
import { readTree } from "./read-tree.ts";
import { removeMboxes } from "./remove-mboxes.ts";
import type { SourceOptions, SourceTree } from "./source-tree.ts";

/** What is done with the messages of the old tree. */
export type AdoptionMode = "copy" | "link" | "move" | "in-place";

export interface AdoptionOptions extends SourceOptions {
  readonly mailDirectory: string;
  readonly account: AccountRef;
  /** The tree of the program before us. */
  readonly source: string;
  /** "in-place" is what it is when the source is the account's own directory. */
  readonly mode: Exclude<AdoptionMode, "in-place">;
  /** What becomes of mbox files; "maildir" where it is not said. A Maildir stays one. */
  readonly format?: MailboxFormat;
  /** Tests only: the row of the crash table at which the process kills itself. */
  readonly crashAt?: string;
}

/** What will be done, or was. */
export interface Adoption {
  readonly format: SourceTree["format"];
  readonly layout: SourceTree["layout"];
  readonly mode: AdoptionMode;
  readonly separator: "/" | ".";
  readonly prefix: string;
  readonly encoding: "modified-utf-7" | "utf-8";
  readonly mailboxes: readonly AdoptedMailbox[];
  /** What cannot be kept, or should be known. */
  readonly remarks: readonly string[];
  /** Why it cannot be done; one sentence each. */
  readonly obstacles: readonly string[];
  /** What "move" did not remove, since it was changed meanwhile; one sentence each. */
  readonly left: readonly string[];
  readonly isDone: boolean;
}

export interface AdoptedMailbox {
  readonly name: string;
  readonly messages: number;
  readonly bytes: number;
  readonly uidValidity: number | undefined;
}

/** Written last into the account: where its mail came from, one line each. */
const adoptedFileName = "posthouse-adopted";
/** There while a moved tree is being removed: the files that were taken over, `<folder>/<key>` a line. */
const takenFileName = "posthouse-adopted.taken";

/** Says what adoptMail() would do, and changes nothing. */
export async function planAdoption(options: AdoptionOptions): Promise<Adoption> {
  return (await survey(options)).plan;
}

interface Survey {
  readonly plan: Adoption;
  /** undefined where nothing is to be built. */
  readonly tree?: SourceTree;
}

async function survey(options: AdoptionOptions): Promise<Survey> {
  const target = accountPath(options.mailDirectory, options.account.address);
  const source = resolved(options.source);
  const isInPlace = existsSync(target) && realpathSync(target) === source;
  const before = adoptedFrom(target);
  if (before !== undefined && (isInPlace || before === source) && !isInPlace) {
    const left = await readIfPossible(source, options);
    return { plan: describe(left, { mode: options.mode, isDone: true }) };
  }
  const tree = await readTree(source, options);
  const mode = isInPlace ? "in-place" : options.mode;
  if (before !== undefined && isInPlace) return { plan: describe(tree, { mode, isDone: true }) };
  const obstacles = [...obstaclesTo(tree, target, { mode, format: options.format })];
  return { tree, plan: describe(tree, { mode, isDone: false, obstacles }) };
}

/**
 * Takes a tree over. The old tree is left as it is until the new one is on disk whole.
 *
 *   state   .posthouse-adopting.*   account         .posthouse-replaced.*   source   after a crash here
 *   T1      part                    - or no mail    -                       whole    the next run begins anew
 *   T2      whole                   - or no mail    -                       whole    as T1
 *   T3      whole                   -               no mail                 whole    as T1; a server may make an empty account
 *   T4      -                       adopted         no mail                 whole    adopted; with "move" the next run goes on
 *   T5      -                       adopted         -                       part     the next run removes the rest
 *   T6      -                       adopted         -                       -        done
 *
 * The names in the domain begin with `.`, as no account's does (account-path.ts).
 *
 * Killed at T1 while an mbox is read, its dotlock stays: mutt and Dovecot wait for it two minutes, the next
 * run knows that its owner is dead.
 *
 * In place nothing is removed: every file is written anew as a whole, and the next run finds it so (I1, I2).
 */
export async function adoptMail(options: AdoptionOptions): Promise<Adoption> {
  armCrashPoint(options.crashAt);
  const { plan, tree } = await survey(options);
  const target = accountPath(options.mailDirectory, options.account.address);
  const source = resolved(options.source);
  if (plan.obstacles.length > 0) {
    throw new StoreError("not-permitted", `Cannot take over "${source}": ${plan.obstacles[0]}`);
  }
  if (tree !== undefined) {
    if (plan.mode === "in-place") adoptInPlace(tree, options, target);
    else await adoptAside(tree, options, target, plan.mode);
  }
  removeAside(asideOf(target));
  const left = plan.mode === "move" ? await removeTaken(source, target) : [];
  return { ...plan, left, isDone: true };
}

function adoptInPlace(
  tree: SourceTree,
  { account, mailDirectory }: AdoptionOptions,
  target: string,
): void {
  completeInPlace(tree, renameSync);
  crashPoint("I2");
  finishTree(target, tree, account);
  giveToOwnerOf(mailDirectory, target);
}

async function adoptAside(
  tree: SourceTree,
  { account, mailDirectory, format = "maildir" }: AdoptionOptions,
  target: string,
  mode: "copy" | "link" | "move",
): Promise<void> {
  const domainPath = dirname(target);
  if (!existsSync(domainPath)) {
    makeDirectory(domainPath);
    syncDirectory(mailDirectory);
    giveToOwnerOf(mailDirectory, domainPath);
  }
  const staging = join(domainPath, `.posthouse-adopting.${basename(target)}`);
  rmSync(staging, { recursive: true, force: true });
  const transfer = transferOf(mode, tree.path, domainPath);
  const taken = await buildTree(tree, staging, { transfer, format });
  if (mode === "move") replaceDurably(join(staging, takenFileName), [...taken, ""].join("\n"));
  finishTree(staging, tree, account);
  giveToOwnerOf(mailDirectory, staging);
  crashPoint("T2");
  putInPlace(staging, target);
}

/** Links cost neither time nor room; between two file systems there are none. */
function transferOf(mode: "copy" | "link" | "move", source: string, domainPath: string): Transfer {
  if (mode !== "move") return mode;
  return statSync(source).dev === statSync(domainPath).dev ? "link" : "copy";
}

function finishTree(path: string, tree: SourceTree, account: AccountRef): void {
  if (!existsSync(join(path, markerName))) replaceDurably(join(path, markerName), Buffer.alloc(8));
  replaceDurably(join(path, adoptedFileName), `posthouse-adopted 1\nsource ${tree.path}\n`);
  replaceDurably(join(path, accountFileName), `${account.id}\n`);
}

/** An account without mail makes way; what was delivered to it in the last moment brings it back. */
function putInPlace(staging: string, target: string): void {
  const domainPath = dirname(target);
  const aside = asideOf(target);
  removeAside(aside);
  if (existsSync(target)) {
    renameSync(target, aside);
    if (countMessages(aside) > 0) {
      renameSync(aside, target);
      throw new StoreError("not-permitted", hasMail(target));
    }
    crashPoint("T3");
  }
  renameSync(staging, target);
  syncDirectory(domainPath);
  crashPoint("T4");
  removeAside(aside);
}

const asideOf = (target: string) =>
  join(dirname(target), `.posthouse-replaced.${basename(target)}`);

/** Never with a message in it: what could not be put back is for the administrator. */
function removeAside(aside: string): void {
  if (!existsSync(aside)) return;
  if (countMessages(aside) > 0) {
    throw new StoreError("unavailable", `There is mail in "${aside}": deliver it, and remove it`);
  }
  rmSync(aside, { recursive: true, force: true });
}

/**
 * Removes the source: the messages that were taken, then what its program kept about them, then the
 * directories that are empty. What came later, or is none of a Maildir, stays.
 */
async function removeTaken(source: string, target: string): Promise<readonly string[]> {
  const listPath = join(target, takenFileName);
  const list = readIfThere(listPath);
  if (list === undefined) return [];
  const taken = new Set(list.toString("utf8").split("\n"));
  const isDirectory = existsSync(source) && statSync(source).isDirectory();
  const takenKeys = new Set([...taken].map((line) => line.slice(line.indexOf("/") + 1)));
  for (const folderPath of isDirectory ? maildirsBelow(source).reverse() : []) {
    const folder = folderPath.slice(source.length + 1);
    // A folder of LAYOUT=fs was taken under another name: the key is enough to know its file.
    const isFs = folder !== "" && !folder.startsWith(".");
    removeFolder(folderPath, (key) => (isFs ? takenKeys.has(key) : taken.has(`${folder}/${key}`)));
  }
  const left = await removeMboxes(source, taken);
  if (isDirectory) removeEmptyDirectories(source);
  rmSync(listPath, { force: true });
  return left;
}

const keptBeside =
  /^(dovecot[-.].*|courierimap(uiddb|subscribed|hieracl|acl)|courierpop3dsizelist|maildirfolder|maildirsize|subscriptions|posthouse-.*)$/;

function removeFolder(path: string, isTakenKey: (key: string) => boolean): void {
  for (const file of listMessageFiles(path).values()) {
    if (isTakenKey(file.key)) unlinkSync(pathOfFile(path, file));
    crashPoint("T5");
  }
  if (listMessageFiles(path).size > 0) return;
  for (const entry of readdirSync(path)) {
    if (keptBeside.test(entry)) rmSync(join(path, entry), { recursive: true, force: true });
  }
  rmSync(join(path, "courierimapkeywords"), { recursive: true, force: true });
  for (const directory of ["new", "cur", "tmp"]) removeIfEmpty(join(path, directory));
}

/** Levels of LAYOUT=fs that are no mailboxes themselves. */
function removeEmptyDirectories(path: string): void {
  for (const entry of readdirSync(path, { withFileTypes: true })) {
    if (entry.isDirectory()) removeEmptyDirectories(join(path, entry.name));
  }
  removeIfEmpty(path);
}

function removeIfEmpty(path: string): void {
  try {
    rmdirSync(path);
  } catch (error) {
    if (!["ENOTEMPTY", "EEXIST", "ENOENT", "EBUSY"].includes(errnoOf(error) ?? "")) throw error;
  }
}

/** This Maildir and all below it, parents first. */
function maildirsBelow(path: string): string[] {
  const found = existsSync(join(path, "cur")) ? [path] : [];
  for (const entry of readdirSync(path, { withFileTypes: true })) {
    if (entry.isDirectory() && !["cur", "new", "tmp"].includes(entry.name)) {
      found.push(...maildirsBelow(join(path, entry.name)));
    }
  }
  return found;
}

function* obstaclesTo(
  tree: SourceTree,
  target: string,
  { mode, format }: { readonly mode: AdoptionMode; readonly format: MailboxFormat | undefined },
): Generator<string> {
  if (tree.format !== "mbox" && format === "mbox") {
    yield "a Maildir stays one: only a tree of mbox files can be kept as mbox";
  }
  if (tree.format === "mbox" && mode === "link") {
    yield "the messages of an mbox have no files that could be linked: copy or move it";
  }
  if (tree.format === "mbox" && mode === "in-place") {
    yield "it is the account's own directory: move it elsewhere first";
  }
  const packed = tree.folders.reduce((sum, folder) => sum + folder.packed, 0);
  if (packed > 0) {
    yield `${packed} of its messages are packed as bzip2, lz4 or xz: let Dovecot write them into a new Maildir unpacked, see docs/moving-in.md`;
  }
  if (mode === "in-place" && tree.layout === "fs") {
    yield "its folders are laid out as Dovecot's LAYOUT=fs, which cannot be served in place: copy, link or move it";
  }
  if (mode === "in-place" && tree.format === "posthouse") {
    yield "it is an account of Posthouse already";
  }
  if (mode !== "in-place" && existsSync(target)) {
    if (adoptedFrom(target) !== undefined)
      yield "another tree was taken over into this account already";
    else if (countMessages(target) > 0) yield hasMail(target);
  }
  if (
    mode !== "in-place" &&
    (tree.path.startsWith(`${target}/`) || target.startsWith(`${tree.path}/`))
  ) {
    yield "one of the two directories is inside the other";
  }
  if (mode === "link" && isOtherOwner(tree.path)) {
    yield "its files belong to another user, and linked ones would change hands: copy or move it";
  }
}

const hasMail = (target: string): string =>
  `the account has ${countedMessages(countMessages(target))} already; take a tree over before its first mail comes`;

function isOtherOwner(path: string): boolean {
  return process.getuid?.() === 0 && statSync(path).uid !== 0;
}

function countMessages(path: string): number {
  let count = 0;
  for (const folder of listFolders(path)) count += listMessageFiles(join(path, folder)).size;
  return count;
}

function adoptedFrom(target: string): string | undefined {
  const octets = readIfThere(join(target, adoptedFileName));
  return octets && (/^source (.+)$/m.exec(octets.toString("utf8"))?.[1] ?? "");
}

/** Of a tree that was moved away there may be nothing left. */
async function readIfPossible(
  source: string,
  options: SourceOptions,
): Promise<SourceTree | undefined> {
  try {
    return await readTree(source, options);
  } catch {
    return undefined;
  }
}

function describe(
  tree: SourceTree | undefined,
  about: {
    readonly mode: AdoptionMode;
    readonly isDone: boolean;
    readonly obstacles?: readonly string[];
  },
): Adoption {
  return {
    format: tree?.format ?? "maildir++",
    layout: tree?.layout ?? "maildir++",
    mode: about.mode,
    separator: tree?.style.separator ?? "/",
    prefix: tree?.style.prefix ?? "",
    encoding: tree?.style.encoding ?? "modified-utf-7",
    mailboxes: (tree?.folders ?? []).map(({ name, files, bytes, uids, mbox }) => ({
      name,
      messages: mbox?.messages ?? files.length,
      bytes,
      uidValidity: uids?.uidValidity,
    })),
    remarks: tree?.remarks ?? [],
    obstacles: about.obstacles ?? [],
    left: [],
    isDone: about.isDone,
  };
}

function resolved(path: string): string {
  return existsSync(path) ? realpathSync(path) : path;
}

/** For root: the servers run as the owner of the mail directory, and what root makes would be closed to them. */
function giveToOwnerOf(mailDirectory: string, path: string): void {
  if (process.getuid?.() !== 0) return;
  const { uid, gid } = statSync(mailDirectory);
  chownTree(path, uid, gid);
}

function chownTree(path: string, uid: number, gid: number): void {
  const stats = lstatSync(path);
  if (stats.uid !== uid || stats.gid !== gid) lchownSync(path, uid, gid);
  if (!stats.isDirectory()) return;
  for (const entry of readdirSync(path)) chownTree(join(path, entry), uid, gid);
}
