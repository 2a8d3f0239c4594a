import { existsSync, linkSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { crashPoint } from "../../crash-point.ts";
import type { MessageRow } from "../../index/rows.ts";
import { syncDirectory } from "../../maildir/durable-file.ts";
import { StoreError } from "../../store-error.ts";
import { planFiles } from "../batch-journal.ts";
import { findMoved } from "../find-moved.ts";
import type { Jobs } from "../jobs.ts";
import type { MailboxTransaction } from "../mailbox-transaction.ts";
import { refuseOverQuota } from "../quota.ts";
import type { Transaction } from "../transaction.ts";
import { appendOne, tmpPath } from "./append.ts";
import { removeSourcesAcross } from "./copy-across.ts";
import { putAside } from "./expunge.ts";

/**
 * REPLACE of RFC 8508 §3.4: the new message is in place before the old one goes.
 *
 *   state   new file       old file   index       after a crash here
 *   P1      -              there      -           nothing happened; the journal is removed
 *   P2      there, synced  there      -           the new one is removed: nothing happened
 *   P3      there, synced  gone       -           the new one stays: a scan finds both sides so
 *   P4      there, synced  gone       committed   done
 */
export function replace(
  transaction: Transaction,
  args: Jobs["replace"]["args"],
): Jobs["replace"]["result"] {
  const { message } = args;
  const source = transaction.mailboxOfGuid(args.guid);
  const target = transaction.mailboxOfFolder(args.targetFolder);
  source.mbox?.ready();
  const old = findMessage(transaction, source, args.uid);
  refuseOverQuota(transaction, args.quota, { messages: 0, bytes: message.sizeBytes - old.size });
  if (source.mbox !== undefined || target.mbox !== undefined) {
    const uid = appendOne(transaction, target, message, false);
    removeSourcesAcross(transaction, source, target, [{ message: old, uid }]);
    return { uidValidity: target.row.uidValidity, uids: [uid] };
  }
  const from = { folder: source.row.folder, key: old.key };
  planFiles(transaction, [{ folder: target.row.folder, stem: message.tmpName, from }], {
    areWhole: true,
  });
  crashPoint("P1");
  const uid = appendOne(transaction, target, message, false);
  syncDirectory(join(target.folderPath, "cur"));
  target.writeMailboxFileNow();
  crashPoint("P2");
  // Its octets, for as long as the job may be taken back.
  const kept = tmpPath(transaction, `${message.tmpName}.old`);
  linkSync(source.path(old), kept);
  transaction.onEnd(() => rmSync(kept, { force: true }));
  putAside(transaction, source, old);
  transaction.onUndo(() => renameSync(kept, source.path(old)));
  source.forget([args.uid]);
  crashPoint("P3");
  return { uidValidity: target.row.uidValidity, uids: [uid] };
}

/** Under the name that its file has now. */
function findMessage(
  transaction: Transaction,
  source: MailboxTransaction,
  uid: number,
): MessageRow {
  const row = transaction.statements.message.get(source.row.id, uid);
  const found =
    row === undefined || source.mbox !== undefined || existsSync(source.path(row))
      ? row
      : findMoved(transaction, source, row);
  if (found === undefined) throw new StoreError("gone", `The message of UID ${uid} is gone`);
  return found;
}
