import {
  closeSync,
  existsSync,
  lstatSync,
  openSync,
  readdirSync,
  readSync,
  realpathSync,
  statSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { fromLineOctetsMax, parseFromLine } from "../mbox/from-line.ts";
import { StoreError } from "../store-error.ts";
import type { SourceOptions } from "./source-tree.ts";

export interface FoundMailbox {
  readonly path: string;
  /** As they stand on disk; INBOX is [] . */
  readonly levels: readonly string[];
  readonly kind: "mbox" | "maildir";
}

interface Found {
  readonly mailboxes: FoundMailbox[];
  /** What is there besides, with the reason, as parts of sentences. */
  readonly ignored: string[];
}

/**
 * A tree of mbox files:
 *
 *   mail/inbox                INBOX, where no other file is named
 *   mail/Sent                 a mailbox
 *   mail/Work/2026            Work/2026; Work itself is none
 *   mail/.imap/               Dovecot's index; also in each directory below
 *   mail/.subscriptions       Dovecot's
 *   .mailboxlist              c-client's and Pine's subscriptions: in the directory or above it
 *
 * mutt keeps Maildirs among them, which are taken as well. Names that begin with a dot are no mailboxes, nor
 * are locks.
 */
export function findMailboxes(path: string, options: SourceOptions): Found {
  const found: Found = { mailboxes: [], ignored: [] };
  const inbox = inboxOf(path, options);
  if (inbox !== undefined) {
    const why = whyNoMbox(inbox);
    if (why !== undefined) {
      throw new StoreError("not-permitted", `"${inbox}" is no mbox: it ${why}`);
    }
    found.mailboxes.push({ path: inbox, levels: [], kind: "mbox" });
  }
  const inboxIs = inbox === undefined ? undefined : realpathSync(inbox);
  if (existsSync(path) && statSync(path).isDirectory()) findBelow(path, [], inboxIs, found);
  return found;
}

/** The file that was named, or is the tree itself, or what Dovecot takes when it is told nothing. */
function inboxOf(path: string, options: SourceOptions): string | undefined {
  if (options.inbox !== undefined) {
    if (statSync(options.inbox, { throwIfNoEntry: false })?.isFile() === true) {
      return join(realpathSync(dirname(options.inbox)), basename(options.inbox));
    }
    throw new StoreError("not-permitted", `"${options.inbox}" cannot be INBOX: it is no file`);
  }
  if (statSync(path).isFile()) return path;
  return readdirSync(path)
    .filter((entry) => entry.toLowerCase() === "inbox")
    .map((entry) => join(path, entry))
    .find((file) => statSync(file, { throwIfNoEntry: false })?.isFile() === true);
}

function findBelow(
  path: string,
  levels: readonly string[],
  inbox: string | undefined,
  found: Found,
): void {
  for (const entry of readdirSync(path, { withFileTypes: true }).sort(byName)) {
    if (entry.name.startsWith(".") || isControlFile(path, entry.name)) continue;
    const entryPath = join(path, entry.name);
    const entryLevels = [...levels, entry.name];
    const stats = statSync(entryPath, { throwIfNoEntry: false });
    if (stats?.isDirectory() === true) {
      // A link to a directory may lead back up.
      if (entry.isSymbolicLink()) found.ignored.push(`"${entryPath}" is a link to a directory`);
      else if (existsSync(join(entryPath, "cur"))) {
        found.mailboxes.push({ path: entryPath, levels: entryLevels, kind: "maildir" });
        found.ignored.push(...subfoldersOf(entryPath));
      } else findBelow(entryPath, entryLevels, inbox, found);
    } else if (stats?.isFile() === true) {
      if (realpathSync(entryPath) === inbox) continue;
      const why = isLinkToOthers(entryPath) ? "is a link to another's file" : whyNoMbox(entryPath);
      if (why === undefined) {
        found.mailboxes.push({ path: entryPath, levels: entryLevels, kind: "mbox" });
      } else found.ignored.push(`"${entryPath}" ${why}`);
    } else if (entry.name.includes("\ufffd")) {
      found.ignored.push(`"${entryPath}" has a name that is not UTF-8: rename it first`);
    } else found.ignored.push(`"${entryPath}" is no file`);
  }
}

/** root may read everything: what somebody links to is his only if it belongs to him. */
function isLinkToOthers(path: string): boolean {
  const link = lstatSync(path);
  return link.isSymbolicLink() && link.uid !== statSync(path).uid;
}

function subfoldersOf(maildir: string): string[] {
  return readdirSync(maildir)
    .filter((entry) => entry.startsWith(".") && existsSync(join(maildir, entry, "cur")))
    .map((entry) => `"${join(maildir, entry)}" is a Maildir below another one`);
}

const byName = (a: { readonly name: string }, b: { readonly name: string }) =>
  a.name < b.name ? -1 : a.name > b.name ? 1 : 0;

/** What programs keep beside mbox files: locks, indexes, lists. An mbox with mail in it is one, whatever its name. */
export function isControlFile(directory: string, name: string): boolean {
  if (!controlNames.test(name)) return false;
  const path = join(directory, name);
  const stats = lstatSync(path, { throwIfNoEntry: false });
  return stats?.isFile() !== true || stats.size === 0 || whyNoMbox(path) !== undefined;
}

const controlNames =
  /^(.+\.lock|subscriptions|dovecot-uidvalidity(\..*)?|dovecot-acl-list|dovecot\.(index|list\.index|mailbox\.log).*|\.(imap|subscriptions|mailboxlist|mlbxlsttmp))$/;

/** undefined for an mbox; an empty file is one. */
function whyNoMbox(path: string): string | undefined {
  const start = startOf(path);
  if (start.length === 0) return undefined;
  const [line = ""] = start
    .toString("latin1")
    .replace(/^[\r\n]+/, "")
    .split(/\r?\n/, 1);
  if (parseFromLine(line) !== undefined) return undefined;
  const hex = start.subarray(0, 4).toString("hex");
  if (/^(1f8b|28b52ffd|425a68|fd377a58|04224d18)/.test(hex)) return "is packed: unpack it first";
  if (line.startsWith("*mbx*")) return "is of c-client's format mbx: let its mailutil make an mbox";
  if (hex === "01010101") return "is of the format MMDF";
  return "does not begin with a From_ line";
}

function startOf(path: string): Buffer {
  const fd = openSync(path, "r");
  try {
    const octets = Buffer.alloc(fromLineOctetsMax + 64);
    return octets.subarray(0, readSync(fd, octets, 0, octets.length, 0));
  } finally {
    closeSync(fd);
  }
}
