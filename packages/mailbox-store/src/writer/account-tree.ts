import { existsSync, lstatSync, mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { crashPoint } from "../crash-point.ts";
import { limits } from "../limits.ts";
import {
  errnoOf,
  readIfThere,
  replaceDurably,
  syncDirectory,
  writeNew,
} from "../maildir/durable-file.ts";
import { folderOfName } from "../maildir/folder-name.ts";
import { formatSubscriptions } from "../maildir/subscriptions.ts";
import { nextUidValidity } from "../maildir/uid-validity.ts";
import { formatFileName, formatOfFolder } from "../mbox/mbox-folder.ts";
import { StoreError } from "../store-error.ts";
import type { MailboxFormat } from "../types.ts";
import { makeDirectory, stagingName, writeEmptyFolder } from "./folder-on-disk.ts";
import type { MailRoot } from "./mail-root.ts";

/** One line: the stable id of the account, whatever its address becomes. */
export const accountFileName = "posthouse-account";
export const subscriptionsName = "subscriptions";
export const markerName = "posthouse-changed";

/** What a new account has besides INBOX (RFC 6154 §2). */
const firstMailboxes = [
  { name: "Archive", specialUse: "\\Archive" },
  { name: "Drafts", specialUse: "\\Drafts" },
  { name: "Junk", specialUse: "\\Junk" },
  { name: "Sent", specialUse: "\\Sent" },
  { name: "Trash", specialUse: "\\Trash" },
] as const;

/**
 * Makes sure that the account's directory is there and is this account's; true when it was made.
 *
 *   state   domain/.posthouse-making.*   domain/account   after a crash here
 *   A1      part                         -                swept with the domain's next new account, 36 hours later
 *   A2      whole                        -                as A1
 *   A3      -                            whole            done
 *
 * No account's directory begins with `.`: account-path.ts.
 */
export function ensureAccount(
  accountPath: string,
  account: { readonly accountId: string; readonly format: MailboxFormat },
  root: MailRoot,
): boolean {
  const { accountId } = account;
  const isNew = !existsSync(accountPath) && makeAccount(accountPath, account, root);
  const id = readIfThere(join(accountPath, accountFileName))?.toString("utf8").trim();
  if (id === undefined) adoptTree(accountPath, accountId);
  else if (id !== accountId) {
    throw new StoreError(
      "unavailable",
      `Cannot open "${accountPath}" for account ${accountId}: it belongs to account ${id}`,
    );
  }
  return isNew;
}

function makeAccount(
  accountPath: string,
  account: { readonly accountId: string; readonly format: MailboxFormat },
  root: MailRoot,
): boolean {
  root.refuseIfReplaced();
  const domainPath = dirname(accountPath);
  if (!existsSync(domainPath)) {
    makeDirectory(domainPath);
    syncDirectory(dirname(domainPath));
  }
  sweepStagings(domainPath);
  const staging = join(domainPath, `.${stagingName("making")}`);
  try {
    makeDirectory(staging);
    fillAccount(staging, account.accountId, account.format);
    crashPoint("A2");
    renameSync(staging, accountPath);
    syncDirectory(domainPath);
    return true;
  } catch (error) {
    rmSync(staging, { recursive: true, force: true });
    // Another process was first.
    if (errnoOf(error) === "ENOTEMPTY" || errnoOf(error) === "EEXIST") return false;
    throw error;
  }
}

/** A younger one may be another process's, which is just making it. */
function sweepStagings(domainPath: string): void {
  const oldestMs = Date.now() - limits.tmpAgeMsMax;
  for (const entry of readdirSync(domainPath)) {
    if (!/^\.posthouse-making\.[0-9a-f]{16}$/.test(entry)) continue;
    const path = join(domainPath, entry);
    const stats = lstatSync(path, { throwIfNoEntry: false });
    if (stats !== undefined && stats.mtimeMs < oldestMs)
      rmSync(path, { recursive: true, force: true });
  }
}

function fillAccount(path: string, accountId: string, format: MailboxFormat): void {
  let uidValidity = nextUidValidity(path, 0);
  writeEmptyFolder(path, { uidValidity, specialUse: [], format });
  // Where everything is received, whatever the format.
  makeDirectory(join(path, "tmp"));
  rmSync(join(path, "maildirfolder"));
  crashPoint("A1");
  for (const { name, specialUse } of firstMailboxes) {
    uidValidity = nextUidValidity(path, uidValidity);
    writeEmptyFolder(join(path, folderOfName(name)), {
      uidValidity,
      specialUse: [specialUse],
      format,
    });
  }
  const subscribed = new Set(["INBOX", ...firstMailboxes.map(({ name }) => name)]);
  writeNew(join(path, subscriptionsName), formatSubscriptions(subscribed));
  writeNew(join(path, accountFileName), `${accountId}\n`);
  writeNew(join(path, markerName), Buffer.alloc(8));
  if (format !== "maildir") writeNew(join(path, formatFileName), `${format}\n`);
  syncDirectory(path);
}

/** A tree of Dovecot or of another Maildir++ program is taken over as it is. */
function adoptTree(accountPath: string, accountId: string): void {
  const isMbox = formatOfFolder(accountPath) === "mbox";
  for (const directory of isMbox ? ["tmp"] : ["new", "cur", "tmp"]) {
    mkdirSync(join(accountPath, directory), { recursive: true });
  }
  replaceDurably(join(accountPath, accountFileName), `${accountId}\n`);
}
