import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import { errnoOf, readIfThere } from "../maildir/durable-file.ts";
import { listMessageFiles, pathOfFile, type SeenFile } from "../maildir/folder-files.ts";
import { folderOfName, isFolderName, nameOfFolder } from "../maildir/folder-name.ts";
import { type KeywordList, parseKeywordList } from "../maildir/keyword-list.ts";
import { decodeModifiedUtf7 } from "../maildir/modified-utf7.ts";
import {
  isPrefix,
  type NameStyle,
  nameStyleFileName,
  ownNameStyle,
  parseNameStyle,
} from "../maildir/name-style.ts";
import { parseSubscriptions } from "../maildir/subscriptions.ts";
import { parseUidList, type UidListEntry } from "../maildir/uid-list.ts";
import { StoreError } from "../store-error.ts";
import { countedMessages } from "./counted-messages.ts";
import {
  parseCourierPopUids,
  parseCourierSubscribed,
  parseCourierUids,
  readCourierKeywords,
  withPopUids,
} from "./courier-files.ts";
import type { MboxSurvey } from "./mbox-source.ts";

export type SourceFormat = "dovecot" | "courier" | "maildir++" | "posthouse" | "mbox";

/** UIDVALIDITY and UIDs as the program before us gave them out. */
export interface SourceUids {
  readonly uidValidity: number;
  readonly uidNext: number;
  readonly guid: string | undefined;
  readonly entries: readonly UidListEntry[];
  readonly damagedLines: number;
}

/** One mailbox of the tree that is taken over. */
export interface SourceFolder {
  readonly path: string;
  /** Its folder in the account. */
  readonly folder: string;
  readonly name: string;
  readonly files: readonly SeenFile[];
  readonly bytes: number;
  readonly uids: SourceUids | undefined;
  /** Letters a to z that file names use. */
  readonly letters: KeywordList;
  /** Keywords that stand beside the files, by key: Courier's. */
  readonly keywordsOf: ReadonlyMap<string, readonly string[]>;
  /** Files that Dovecot's zlib plugin packed in a way that the store does not read. */
  readonly packed: number;
  /** Where `path` is an mbox: what it holds. There are no files then. */
  readonly mbox?: MboxSurvey;
}

/** A tree of another program, as it was read. */
export interface SourceTree {
  readonly path: string;
  readonly format: SourceFormat;
  /** Subfolders are `.Work.2026`, or `Work/2026` (Dovecot's LAYOUT=fs). */
  readonly layout: "maildir++" | "fs";
  readonly style: NameStyle;
  readonly folders: readonly SourceFolder[];
  /** Names as the store writes them. */
  readonly subscribed: ReadonlySet<string>;
  /** What cannot be kept, or should be known; one sentence each. */
  readonly remarks: readonly string[];
}

export interface RemarkOptions {
  /** Its messages are copied and get new UIDs anyway: what clients notice when a tree is taken over is not told. */
  readonly isForCopy?: boolean;
}

/** How its clients know the names, where the administrator says so. */
export interface NameOptions {
  readonly separator?: "/" | ".";
  readonly prefix?: string;
  readonly encoding?: "modified-utf-7" | "utf-8";
}

/** What of a tree its directory does not say. */
export interface SourceOptions extends NameOptions, RemarkOptions {
  /** The mbox that is INBOX, where it stands elsewhere: /var/mail/ann. */
  readonly inbox?: string;
}

/** Reads a tree, and changes nothing in it. Other work has its turn between folders. */
export async function readSourceTree(
  path: string,
  options: NameOptions & RemarkOptions,
): Promise<SourceTree> {
  if (!existsSync(join(path, "cur")) && !existsSync(join(path, "new"))) {
    throw new StoreError(
      "not-permitted",
      `"${path}" is no Maildir: it has no folder "cur". Name the directory that holds "cur", "new" and "tmp"`,
    );
  }
  const format = formatOf(path);
  const fsFolders = format === "posthouse" ? [] : foldersOfFsLayout(path);
  const dotFolders = readdirSync(path).filter(
    (entry) => isFolderName(entry) && existsSync(join(path, entry, "cur")),
  );
  const layout = fsFolders.length > 0 && dotFolders.length === 0 ? "fs" : "maildir++";
  const remarks: string[] = [];
  const entries = layout === "fs" ? fsFolders : dotFolders;
  const style = styleOf(path, { format, layout, entries, options });
  const folders: SourceFolder[] = [];
  for (const entry of ["", ...entries.sort()]) {
    folders.push(
      readFolder(join(path, entry), folderOfEntry(entry, layout, style), style, {
        ...options,
        remarks,
      }),
    );
    await nextTurn();
  }
  remarks.push(...remarksOnTree(path, layout === "maildir++" ? fsFolders : dotFolders));
  if (options.isForCopy !== true) remarks.push(...clientRemarksOnTree(path, format));
  const subscribed = subscribedOf(path, { format, layout, style });
  return { path, format, layout, style, folders, subscribed, remarks };
}

function formatOf(path: string): SourceFormat {
  if (existsSync(join(path, "posthouse-account"))) return "posthouse";
  const has = (name: string) =>
    existsSync(join(path, name)) ||
    readdirSync(path).some((entry) => isFolderName(entry) && existsSync(join(path, entry, name)));
  if (has("dovecot-uidlist")) return "dovecot";
  return has("courierimapuiddb") ? "courier" : "maildir++";
}

/** Folders below that are Maildirs themselves, as `Work/2026`; Maildir++ has none of them. */
function foldersOfFsLayout(path: string, below = ""): string[] {
  const found: string[] = [];
  for (const entry of readdirSync(join(path, below), { withFileTypes: true })) {
    if (!entry.isDirectory() || entry.name.startsWith(".")) continue;
    if (["cur", "new", "tmp"].includes(entry.name)) continue;
    const inner = below === "" ? entry.name : `${below}/${entry.name}`;
    if (existsSync(join(path, inner, "cur"))) found.push(inner);
    found.push(...foldersOfFsLayout(path, inner));
  }
  return found;
}

/**
 * What the tree itself says, and where it says nothing, the defaults of the program that made it: Dovecot
 * and Courier show Maildir++ with `.` between levels, Courier with INBOX. in front.
 */
export function styleOf(
  path: string,
  {
    format,
    layout,
    entries,
    options,
  }: {
    readonly format: SourceFormat;
    readonly layout: "maildir++" | "fs";
    readonly entries: readonly string[];
    readonly options: NameOptions;
  },
): NameStyle {
  const said = readIfThere(join(path, nameStyleFileName));
  const before = said === undefined ? undefined : parseNameStyle(said);
  // A run that was cut short, or another Posthouse, has chosen already.
  if (before !== undefined || format === "posthouse") return before ?? ownNameStyle;
  const isForeign = format === "dovecot" || format === "courier";
  const separator = options.separator ?? (isForeign && layout === "maildir++" ? "." : "/");
  const prefix = options.prefix ?? (format === "courier" ? `INBOX${separator}` : "");
  if (!isPrefix(prefix, separator)) {
    throw new StoreError(
      "not-permitted",
      `The prefix "${prefix}" cannot be: it is empty, or ends with the separator "${separator}"`,
    );
  }
  const isUtf8 = entries.some((entry) => /[^\x20-\x7e]/.test(entry));
  const encoding = layout === "fs" ? "modified-utf-7" : (options.encoding ?? guess(isUtf8));
  // Maildir++ cannot hold a `.` inside a level; what comes from LAYOUT=fs can have one.
  return {
    separator,
    prefix,
    encoding,
    escape: isForeign && layout === "maildir++" ? "none" : "percent",
  };
}

const guess = (isUtf8: boolean) => (isUtf8 ? "utf-8" : "modified-utf-7");

function folderOfEntry(entry: string, layout: "maildir++" | "fs", style: NameStyle): string {
  if (entry === "" || layout === "maildir++") return entry;
  const levels = entry.split("/").map((level) => decodeModifiedUtf7(level) ?? level);
  const name = levels.join("/").normalize("NFC");
  return name.toUpperCase() === "INBOX" ? ".INBOX" : folderOfName(name, style);
}

export function readFolder(
  path: string,
  folder: string,
  style: NameStyle,
  { remarks, isForCopy }: RemarkOptions & { readonly remarks: string[] },
): SourceFolder {
  const name = nameOfFolder(folder, style);
  const files = [...listMessageFiles(path).values()];
  let bytes = 0;
  let packed = 0;
  for (const file of files) {
    const filePath = pathOfFile(path, file);
    const size = sizeOf(filePath);
    bytes += size;
    if (isPacked(filePath, file.key, size)) packed += 1;
  }
  const uids = readUids(path);
  const letters = parseKeywordList(readIfThere(join(path, "dovecot-keywords")) ?? Buffer.alloc(0));
  const keywordsOf = readCourierKeywords(path);
  const found = { path, folder, name, files, bytes, uids, letters, keywordsOf, packed };
  if (isForCopy !== true) remarks.push(...clientRemarksOnFolder(found));
  remarks.push(...remarksOnFolder(found));
  return found;
}

function sizeOf(path: string): number {
  try {
    return statSync(path).size;
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return 0;
    throw error;
  }
}

/** Only where the name says another size than the file has is its beginning looked at. */
function isPacked(path: string, key: string, size: number): boolean {
  const promised = /,S=(\d{1,15})(?:,|$)/.exec(key)?.[1];
  if (promised === undefined || Number(promised) === size) return false;
  const magic = readIfThere(path)?.subarray(0, 4).toString("hex") ?? "";
  // bzip2, lz4, xz; gzip and zstd are read as they are.
  return /^(425a68|04224d18|fd377a58)/.test(magic);
}

/** Dovecot's list where there is one, else Courier's. */
function readUids(path: string): SourceUids | undefined {
  const dovecot = readIfThere(join(path, "dovecot-uidlist"));
  const list = dovecot === undefined ? undefined : parseUidList(dovecot);
  if (list !== undefined) return list;
  const courier = readIfThere(join(path, "courierimapuiddb"));
  const uids = courier === undefined ? undefined : parseCourierUids(courier);
  if (uids === undefined) return undefined;
  const sizes = readIfThere(join(path, "courierpop3dsizelist"));
  const known = sizes === undefined ? uids : withPopUids(uids, parseCourierPopUids(sizes));
  return { ...known, guid: undefined };
}

function* clientRemarksOnFolder({ name, files, uids }: SourceFolder): Generator<string> {
  if (uids === undefined && files.length > 0) {
    yield `"${name}" has no list of UIDs: clients fetch it (${countedMessages(files.length)}) again`;
  }
  if ((uids?.damagedLines ?? 0) > 0) {
    yield `The list of UIDs of "${name}" cannot be read everywhere (lines: ${uids?.damagedLines}): what these were about gets new UIDs`;
  }
}

function* remarksOnFolder({ name, letters, packed }: SourceFolder): Generator<string> {
  if (letters.length >= 26) {
    yield `"${name}" uses all 26 letters for keywords: Dovecot keeps further ones in its index only, and they are not taken over`;
  }
  if (packed > 0) {
    yield `Of "${name}" ${countedMessages(packed)} cannot be read: packed as bzip2, lz4 or xz`;
  }
}

function* remarksOnTree(path: string, ignored: readonly string[]): Generator<string> {
  const has = hasEntry(path);
  if (has(/^(\.dovecot\.sieve|sieve)$/)) yield "Sieve scripts are not taken over";
  if (has(/^dovecot-acl|^courierimapacl|^courierimaphieracl/)) {
    yield "Rights of other people (ACL) are not taken over";
  }
  if (has(/^dovecot-attributes/)) yield "Annotations (METADATA) of Dovecot are not taken over";
  if (ignored.length > 0)
    yield `These folders are laid out in another way than the others and are left out: ${ignored.join(", ")}`;
}

function* clientRemarksOnTree(path: string, format: SourceFormat): Generator<string> {
  const has = hasEntry(path);
  if (has(/^courierpop3dsizelist$|^dovecot-uidlist$/)) {
    yield "POP3 clients that leave mail on the server may fetch it once more: their unique ids are other ones";
  }
  if (format === "dovecot") {
    yield "Clients that ask for changes by MODSEQ are given all flags once more: Dovecot keeps its own numbers in its index";
  }
}

function hasEntry(path: string): (pattern: RegExp) => boolean {
  const entries = readdirSync(path);
  return (pattern) => entries.some((entry) => pattern.test(entry));
}

function subscribedOf(
  path: string,
  {
    format,
    layout,
    style,
  }: {
    readonly format: SourceFormat;
    readonly layout: "maildir++" | "fs";
    readonly style: NameStyle;
  },
): ReadonlySet<string> {
  const own = readIfThere(join(path, "subscriptions"));
  if (own !== undefined) {
    const isOld = !own.toString("latin1").startsWith("V\t2");
    const octets =
      isOld && layout === "fs" ? Buffer.from(own.toString().replaceAll("/", ".")) : own;
    return parseSubscriptions(octets, style);
  }
  const courier =
    format === "courier" ? readIfThere(join(path, "courierimapsubscribed")) : undefined;
  const folders = parseCourierSubscribed(courier ?? Buffer.alloc(0));
  return new Set(folders.map((folder) => nameOfFolder(folder, style)));
}

/** The largest UIDVALIDITY that Dovecot ever gave out in this tree: `dovecot-uidvalidity`, in hexadecimal. */
export function lastUidValidity(tree: SourceTree): number {
  const inUse = tree.folders.map(({ uids }) => uids?.uidValidity ?? 0);
  const counters = ["dovecot-uidvalidity", join(".imap", "dovecot-uidvalidity")].map((name) => {
    const octets = readIfThere(join(tree.path, name));
    const counter = Number.parseInt(octets?.toString("latin1").trim() ?? "", 16);
    return Number.isInteger(counter) && counter <= 0xffff_ffff ? counter : 0;
  });
  return Math.max(0, ...inUse, ...counters);
}
