import { type BigIntStats, existsSync, fstatSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { errnoOf } from "../maildir/durable-file.ts";
import type { MailboxFormat } from "../types.ts";

/** The messages of a mailbox that is kept as mbox: one file in the mailbox's folder. */
export const mboxName = "mbox";
export const mboxJournalName = "posthouse-mbox-journal";
/** In the account's directory: one line, the format that new mailboxes of it get. Maildir when it is not there. */
export const formatFileName = "posthouse-format";

/** What a folder on disk is: a Maildir where it has a cur/, else an mbox; undefined where it is no mailbox. */
export function formatOfFolder(folderPath: string): MailboxFormat | undefined {
  if (existsSync(join(folderPath, "cur"))) return "maildir";
  return isMboxFolder(folderPath) ? "mbox" : undefined;
}

/** Also where the mbox itself is gone: mutt removes one that is empty. */
function isMboxFolder(folderPath: string): boolean {
  return existsSync(join(folderPath, mboxName)) || existsSync(join(folderPath, mboxJournalName));
}

export function formatOfAccount(accountPath: string): MailboxFormat {
  try {
    const line = readFileSync(join(accountPath, formatFileName), "latin1").trim();
    return line === "mbox" ? "mbox" : "maildir";
  } catch (error) {
    if (errnoOf(error) !== "ENOENT") throw error;
    return "maildir";
  }
}

/** Changes with every change of the file; "none" when it is not there. Stands in newMtime of its index row. */
export function mboxSignature(path: string): string {
  try {
    return signatureIn(statSync(path, { bigint: true }));
  } catch (error) {
    if (errnoOf(error) !== "ENOENT") throw error;
    return "none";
  }
}

/** Of a file that is open, whatever stands under its name by now. */
export function signatureOfOpenMbox(fd: number): string {
  return signatureIn(fstatSync(fd, { bigint: true }));
}

const signatureIn = ({ ino, size, mtimeNs }: BigIntStats) => `${ino}:${size}:${mtimeNs}`;

/** Stands in curMtime of the index row of every mbox that was scanned. */
export const mboxMark = "mbox";
