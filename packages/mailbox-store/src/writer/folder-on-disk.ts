import { randomBytes } from "node:crypto";
import { chmodSync, mkdirSync, renameSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { directoryMode, syncDirectory, writeNew } from "../maildir/durable-file.ts";
import { formatMailboxFile, mailboxFileName } from "../maildir/mailbox-file.ts";
import { formatUidListHeader } from "../maildir/uid-list.ts";
import { mboxName } from "../mbox/mbox-folder.ts";
import type { MailboxFormat } from "../types.ts";
import { uidListName } from "./uid-list-file.ts";

/** A name of ours for a directory that is not, or no longer, part of the tree. */
export function stagingName(purpose: "making" | "deleted"): string {
  return `posthouse-${purpose}.${randomBytes(8).toString("hex")}`;
}

export function newGuid(): string {
  return randomBytes(16).toString("hex");
}

/**
 * mkdir(2) leaves out what the umask forbids and the set-group-id bit: both are set here. Not where the
 * bit came down from the directory above, since the systemd units forbid any call that asks for it.
 */
export function makeDirectory(path: string): void {
  mkdirSync(path, { recursive: true });
  if ((statSync(path).mode & 0o7777) !== directoryMode) chmodSync(path, directoryMode);
}

/** What a mailbox has from its beginning. */
export interface NewMailbox {
  readonly uidValidity: number;
  readonly specialUse: readonly string[];
  readonly format: MailboxFormat;
}

/** Everything of an empty mailbox, in a directory that nobody sees yet. */
export function writeEmptyFolder(path: string, mailbox: NewMailbox): void {
  const { uidValidity } = mailbox;
  const isMbox = mailbox.format === "mbox";
  const guid = newGuid();
  for (const directory of isMbox ? [""] : ["", "new", "cur", "tmp"]) {
    makeDirectory(join(path, directory));
  }
  if (isMbox) writeNew(join(path, mboxName), "");
  else {
    writeNew(join(path, uidListName), formatUidListHeader({ uidValidity, uidNext: 1, guid }));
  }
  writeNew(
    join(path, mailboxFileName),
    formatMailboxFile({
      id: guid,
      ...(isMbox ? { uidValidity } : {}),
      // Nothing is given out before the index has raised them.
      uidReserved: 0,
      modSeqReserved: 0,
      specialUse: mailbox.specialUse,
      moreKeywords: new Map(),
      keywordsOfMessages: new Map(),
      annotations: [],
      rights: new Map(),
      otherLines: [],
    }),
  );
  // Maildir++ marks its subfolders with it.
  writeNew(join(path, "maildirfolder"), "");
  syncDirectory(path);
}

/** Builds it aside and gives it its name, so that a crash leaves all of it or nothing that is seen. */
export function makeFolder(accountPath: string, folder: string, mailbox: NewMailbox): void {
  const staging = join(accountPath, stagingName("making"));
  try {
    writeEmptyFolder(staging, mailbox);
    renameSync(staging, join(accountPath, folder));
  } catch (error) {
    rmSync(staging, { recursive: true, force: true });
    throw error;
  }
}
