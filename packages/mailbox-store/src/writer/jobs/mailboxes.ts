import { randomBytes } from "node:crypto";
import { existsSync, renameSync, rmSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { crashPoint } from "../../crash-point.ts";
import { usageOf } from "../../expunged/expunged-keeper.ts";
import { limits } from "../../limits.ts";
import { syncDirectory } from "../../maildir/durable-file.ts";
import { listMessageFiles } from "../../maildir/folder-files.ts";
import { nameOfFolder } from "../../maildir/folder-name.ts";
import { nextUidValidity } from "../../maildir/uid-validity.ts";
import { formatOfAccount, mboxName } from "../../mbox/mbox-folder.ts";
import { StoreError } from "../../store-error.ts";
import { makeFolder, stagingName } from "../folder-on-disk.ts";
import type { Jobs } from "../jobs.ts";
import type { Transaction } from "../transaction.ts";
import { adoptFolder, syncFolders } from "./sync-folders.ts";

/**
 * Makes a mailbox and those of its parents that are not there (RFC 9051 §6.3.4). `folders` is the way
 * down to it.
 *
 *   state   posthouse-making.*   folder   index       after a crash here
 *   M1      part or whole        -        -           swept at the next opening
 *   M2      -                    there    -           the mailbox is there
 *   M3      -                    there    committed   done
 */
export function createMailbox(
  transaction: Transaction,
  args: Jobs["createMailbox"]["args"],
): Jobs["createMailbox"]["result"] {
  syncFolders(transaction);
  const { statements } = transaction;
  const rows = statements.mailboxes.all();
  const wanted = args.folders.at(-1) ?? "";
  if (rows.some(({ folder }) => folder === wanted)) {
    throw new StoreError("exists", `There is a mailbox "${nameOfFolder(wanted)}" already`);
  }
  if (rows.length + args.folders.length > limits.mailboxesMax) {
    throw new StoreError(
      "limit",
      `Cannot make "${nameOfFolder(wanted)}": an account has at most ${limits.mailboxesMax} mailboxes`,
    );
  }
  refuseTakenSpecialUse(rows, args.specialUse);
  const more = args.folders.filter((folder) => !rows.some((row) => row.folder === folder)).length;
  if (rows.length + more > (args.quota.quotaMailboxes ?? Number.POSITIVE_INFINITY)) {
    throw new StoreError(
      "over-quota",
      `Cannot make "${nameOfFolder(wanted)}": ${rows.length} mailboxes are there already`,
    );
  }
  let largest = Math.max(0, ...rows.map(({ uidValidity }) => uidValidity));
  for (const folder of args.folders) {
    if (rows.some((row) => row.folder === folder)) continue;
    largest = nextUidValidity(transaction.accountPath, largest);
    crashPoint("M1");
    makeFolder(transaction.accountPath, folder, {
      uidValidity: largest,
      specialUse: folder === wanted ? args.specialUse : [],
      format: formatOfAccount(transaction.accountPath),
    });
    const path = transaction.folderPath(folder);
    transaction.onUndo(() => rmSync(path, { recursive: true, force: true }));
    crashPoint("M2");
    adoptFolder(transaction, folder);
  }
  transaction.syncLater(transaction.accountPath);
  return undefined;
}

/** RFC 6154 §5.3: a server may keep a use to one mailbox; two Sent folders help nobody. */
export function refuseTakenSpecialUse(
  rows: readonly { readonly specialUse: string; readonly folder: string }[],
  specialUse: readonly string[],
): void {
  for (const use of specialUse) {
    const holder = rows.find((row) => row.specialUse.split(" ").includes(use));
    if (holder !== undefined) {
      throw new StoreError("not-permitted", `"${nameOfFolder(holder.folder)}" is ${use} already`);
    }
  }
}

/**
 * Renames a mailbox and all below it, one rename(2) a folder. What is to be done is written down first.
 *
 *   state   intents     folders      index       after a crash here
 *   R1      committed   old          old         the next opening renames them all
 *   R2      committed   some moved   old         the next opening renames the others
 *   R3      committed   all moved    old         the next opening finds each by its id
 *   R4      -           all moved    committed   done
 */
export function renameMailbox(
  transaction: Transaction,
  args: Jobs["renameMailbox"]["args"],
): Jobs["renameMailbox"]["result"] {
  syncFolders(transaction);
  const { fromFolder, toFolder } = args;
  const folders = transaction.statements.mailboxes.all().map(({ folder }) => folder);
  const moving = folders.filter(
    (folder) => folder === fromFolder || folder.startsWith(`${fromFolder}.`),
  );
  if (moving.length === 0) throw transaction.noSuchMailbox(fromFolder);
  for (const folder of moving) {
    const target = toFolder + folder.slice(fromFolder.length);
    if (folders.includes(target)) {
      throw new StoreError("exists", `There is a mailbox "${nameOfFolder(target)}" already`);
    }
    if (Buffer.byteLength(target) > limits.folderNameOctetsMax) {
      throw new StoreError("not-permitted", `Cannot name a mailbox "${nameOfFolder(target)}"`);
    }
    transaction.statements.insertIntent.run(folder, target);
  }
  return undefined;
}

/** The second half, also after a crash: a folder that has moved already is left alone. */
export function finishRenames(transaction: Transaction): undefined {
  const { statements, accountPath } = transaction;
  const intents = statements.intents.all();
  if (intents.length === 0) return undefined;
  for (const { fromFolder, toFolder } of intents) {
    crashPoint("R1");
    const from = transaction.folderPath(fromFolder);
    const to = transaction.folderPath(toFolder);
    if (existsSync(from) && !existsSync(to)) {
      const row = statements.mailboxByFolder.get(fromFolder);
      if (row !== undefined) transaction.drop(transaction.mailbox(row));
      renameSync(from, to);
      // What was renamed stays so: a failed commit is finished by the next opening.
      crashPoint("R2");
    }
  }
  syncDirectory(accountPath);
  crashPoint("R3");
  syncFolders(transaction);
  statements.deleteIntents.run();
  transaction.noteChange();
  return undefined;
}

/**
 * The folder leaves the tree with one rename, then the index forgets, then the files go. Where what is expunged can
 * be brought back, the rename is into posthouse-expunged, and there they stay for some days.
 *
 *   state   folder   posthouse-deleted.*   index       after a crash here
 *   Z1      there    -                     -           nothing happened
 *   Z2      -        whole                 -           the mailbox is gone; the next opening removes its files
 *   Z3      -        whole                 committed   as Z2
 *   Z4      -        -                     committed   done
 */
export function deleteMailbox(
  transaction: Transaction,
  args: Jobs["deleteMailbox"]["args"],
): Jobs["deleteMailbox"]["result"] {
  syncFolders(transaction);
  const row = transaction.statements.mailboxByFolder.get(args.folder);
  if (row === undefined) throw transaction.noSuchMailbox(args.folder);
  transaction.drop(transaction.mailbox(row));
  const from = transaction.folderPath(args.folder);
  const kept = placeOfDeleted(transaction, args.folder, from);
  const aside = kept ?? join(transaction.accountPath, stagingName("deleted"));
  crashPoint("Z1");
  renameSync(from, aside);
  transaction.onUndo(() => renameSync(aside, from));
  crashPoint("Z2");
  if (kept !== undefined) syncDirectory(dirname(kept));
  syncDirectory(transaction.accountPath);
  transaction.statements.deleteMailbox.run(row.id);
  transaction.noteChange();
  transaction.afterCommit(() => {
    crashPoint("Z3");
    if (kept === undefined) rmSync(aside, { recursive: true, force: true });
  });
  return undefined;
}

/** An empty one is made again as quickly as it is brought back. */
function placeOfDeleted(
  transaction: Transaction,
  folder: string,
  path: string,
): string | undefined {
  const messages = listMessageFiles(path).size;
  const mbox = statSync(join(path, mboxName), { throwIfNoEntry: false })?.size ?? 0;
  if (messages === 0 && mbox === 0) return undefined;
  const place = transaction.expunged.placeFor(folder, usageOf(path));
  return place && join(place, `deleted.${randomBytes(8).toString("hex")}`);
}
