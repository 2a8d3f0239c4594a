import { existsSync, renameSync } from "node:fs";
import { join } from "node:path";
import { crashPoint } from "../../crash-point.ts";
import { expungedName, isDeletedMailbox, partsOfId } from "../../expunged/expunged-tree.ts";
import { limits } from "../../limits.ts";
import { syncDirectory } from "../../maildir/durable-file.ts";
import { nameOfFolder } from "../../maildir/folder-name.ts";
import {
  infoLetters,
  keyWithSizes,
  newKeyStem,
  parseMaildirName,
} from "../../maildir/maildir-name.ts";
import { StoreError } from "../../store-error.ts";
import { sizeOfFile } from "../adopt-file.ts";
import type { Jobs } from "../jobs.ts";
import { refuseOverQuota } from "../quota.ts";
import type { Transaction } from "../transaction.ts";
import { syncFolders } from "./sync-folders.ts";

/**
 * Brings messages back into a mailbox, one rename(2) each, under new keys: their old ones stand for UIDs of
 * which clients were told that they are gone. A scan takes them in, as it does with what another program put there.
 *
 *   state   posthouse-expunged   cur/    after a crash here
 *   E1      there                -       nothing happened to this one
 *   E2      -                    there   it is back: the next scan finds it
 */
export function restoreExpunged(
  transaction: Transaction,
  args: Jobs["restoreExpunged"]["args"],
): Jobs["restoreExpunged"]["result"] {
  const mailbox = transaction.mailboxOfFolder(args.folder);
  if (mailbox.mbox !== undefined) {
    throw new StoreError(
      "not-permitted",
      `"${nameOfFolder(args.folder)}" is an mbox: bring them back into another mailbox`,
    );
  }
  const files = args.ids.flatMap((id) => fileOf(transaction, id));
  const bytes = files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  refuseOverQuota(transaction, args.quota, { messages: files.length, bytes });
  const cur = join(mailbox.folderPath, "cur");
  for (const { path, info, fileBytes, sizeBytes } of files) {
    crashPoint("E1");
    const key = keyWithSizes(newKeyStem(transaction.host), fileBytes, sizeBytes);
    renameSync(path, join(cur, `${key}${info}`));
    crashPoint("E2");
    transaction.syncLater(cur);
  }
  transaction.noteChange();
  return { messages: files.length };
}

/** Nothing, where it is there no longer. */
function fileOf(transaction: Transaction, id: string) {
  const parts = partsOfId(id);
  if (parts === undefined || isDeletedMailbox(parts.name)) return [];
  const path = join(transaction.accountPath, expungedName, id);
  const { key, info } = parseMaildirName(parts.name);
  const size = sizeOfFile(path, key);
  if (size === undefined) return [];
  // It would go again with the next EXPUNGE.
  const letters = infoLetters(info).replaceAll("T", "");
  const { originalBytes: fileBytes, crlfBytes: sizeBytes } = size;
  return [{ path, info: `:2,${letters}`, fileBytes, sizeBytes }];
}

/**
 * Brings back a mailbox that was deleted, with its UIDs, keywords, rights and annotations, under a name that is free.
 *
 *   state   posthouse-expunged   folder   index       after a crash here
 *   W1      whole                -        -           nothing happened
 *   W2      -                    whole    -           it is back: the next look at the folders takes it in
 *   W3      -                    whole    committed   done
 */
export function restoreMailbox(
  transaction: Transaction,
  args: Jobs["restoreMailbox"]["args"],
): Jobs["restoreMailbox"]["result"] {
  const { id, folder } = args;
  const from = join(transaction.accountPath, expungedName, id);
  const parts = partsOfId(id);
  if (parts === undefined || !isDeletedMailbox(parts.name) || !existsSync(from)) {
    throw new StoreError("gone", `No mailbox that was deleted has the id "${id}"`);
  }
  const to = transaction.folderPath(folder);
  if (existsSync(to)) {
    throw new StoreError("exists", `There is a mailbox "${nameOfFolder(folder)}" already`);
  }
  if (transaction.statements.mailboxes.all().length >= limits.mailboxesMax) {
    throw new StoreError("limit", `An account has at most ${limits.mailboxesMax} mailboxes`);
  }
  crashPoint("W1");
  renameSync(from, to);
  transaction.onUndo(() => renameSync(to, from));
  crashPoint("W2");
  syncDirectory(transaction.accountPath);
  syncFolders(transaction);
  transaction.noteChange();
  return undefined;
}
