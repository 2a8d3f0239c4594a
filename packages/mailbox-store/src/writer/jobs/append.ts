import { existsSync, renameSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { crashPoint } from "../../crash-point.ts";
import { crcOfDetails } from "../../index/details-crc.ts";
import { detailsId, storedFlagBits } from "../../index/schema.ts";
import { limits } from "../../limits.ts";
import { errnoOf } from "../../maildir/durable-file.ts";
import { internalDateMsOf } from "../../maildir/folder-files.ts";
import { saveDateMsOfKey } from "../../maildir/maildir-name.ts";
import { infoOfFlags } from "../../message-flags.ts";
import { planFiles } from "../batch-journal.ts";
import type { Jobs, ReceivedMessage } from "../jobs.ts";
import type { MailboxTransaction } from "../mailbox-transaction.ts";
import { appendToMbox } from "../mbox-messages.ts";
import { refuseOverQuota } from "../quota.ts";
import type { Transaction } from "../transaction.ts";
import { insertSortKeys } from "./put-sort-keys.ts";

/**
 * New messages, whose octets are durable in tmp/ already.
 *
 *   state   tmp/   new/ or cur/     index       after a crash here
 *   D1      part   -                -           the sender still has it; tmp/ is swept after 36 hours
 *   D2      whole  -                -           as D1
 *   D3      -      whole            -           the next scan takes it in; the sender sends it again, so
 *                                               that it may come twice
 *   D4      -      whole, synced    -           as D3
 *   D5      -      whole, synced    committed   delivered; the same hand-over again is answered from here
 *
 * The caller says 250 or OK from D5 on. Before that a failure takes the file back to nothing. Several
 * messages are all there or none: B1-B5 of batch-journal.ts; in D3 and D4 they are removed again.
 */
export function append(
  transaction: Transaction,
  args: Jobs["append"]["args"],
): Jobs["append"]["result"] {
  const { statements } = transaction;
  const { messages, deliveryId } = args;
  const first = deliveryId === undefined ? undefined : statements.delivery.get(deliveryId);
  if (first !== undefined) {
    for (const { tmpName } of messages) rmSync(tmpPath(transaction, tmpName), { force: true });
    return { uidValidity: first.uidValidity, uids: [first.uid] };
  }
  const mailbox = transaction.mailboxOfFolder(args.folder);
  const bytes = messages.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  refuseOverQuota(transaction, args.quota, { messages: messages.length, bytes });

  if (mailbox.mbox === undefined) {
    planFiles(
      transaction,
      messages.map(({ tmpName }) => ({ folder: mailbox.row.folder, stem: tmpName })),
      { areWhole: messages.every(({ keywords }) => mailbox.keywords.haveLetters(keywords)) },
    );
  }
  const uids = messages.map((message) => appendOne(transaction, mailbox, message, args.isDelivery));
  const { uidValidity } = mailbox.row;
  if (deliveryId !== undefined) {
    if ((uids[0] ?? 0) % limits.deliveriesPerForgetting === 0) {
      statements.forgetDeliveries.run(Date.now() - limits.deliveryMemoryMs);
    }
    statements.insertDelivery.run(deliveryId, Date.now(), uidValidity, uids[0] ?? 0);
  }
  return { uidValidity, uids };
}

/** Puts one into new/ or cur/, or at the end of the mbox, and gives it its UID. */
export function appendOne(
  transaction: Transaction,
  mailbox: MailboxTransaction,
  message: ReceivedMessage,
  isDelivery: boolean,
): number {
  if (mailbox.mbox !== undefined) {
    const isPlain = message.systemFlags === 0 && message.keywords.length === 0;
    crashPoint("D2");
    return appendToMbox(transaction, mailbox, mailbox.mbox, message, isDelivery && isPlain);
  }
  const positions = mailbox.keywords.positionsOf(message.keywords);
  const hasFlags = message.systemFlags !== 0 || positions.length > 0;
  // new/ has no flags: what was delivered with some, by a Sieve script, goes where flags can be.
  const isNew = isDelivery && !hasFlags;
  const info = isNew
    ? ""
    : infoOfFlags("", message.systemFlags, mailbox.keywords.lettersOf(positions), () => true);
  const directory = join(mailbox.folderPath, isNew ? "new" : "cur");
  crashPoint("D2");
  const path = join(directory, message.key + info);
  place(transaction, mailbox, tmpPath(transaction, message.tmpName), path);
  crashPoint("D3");
  transaction.syncLater(directory);

  const uid = mailbox.uidFor(message.key);
  const { statements } = transaction;
  const { id } = mailbox.row;
  const flags = message.systemFlags | (isNew ? storedFlagBits.isNew : 0);
  const keywordSet = mailbox.keywords.setOf(positions);
  statements.insertMessage.run(
    id,
    uid,
    flags,
    keywordSet,
    mailbox.modSeq(),
    message.sizeBytes,
    internalDateMsOf(statSync(path)),
    saveDateMsOfKey(message.key) ?? Date.now(),
  );
  statements.insertFile.run(id, message.key, uid, info);
  mailbox.keywords.noteSetChange([], positions);
  if (message.details === undefined) return uid;
  const { envelope, bodyStructure, body, parts, emailId, threadId } = message.details;
  statements.insertDetails.run(
    detailsId(id, uid),
    envelope,
    bodyStructure,
    body,
    parts,
    emailId,
    threadId,
    crcOfDetails(message.details),
  );
  if (message.sortKeys !== undefined) {
    insertSortKeys(transaction, detailsId(id, uid), message.sortKeys);
  }
  return uid;
}

function place(
  transaction: Transaction,
  mailbox: MailboxTransaction,
  from: string,
  to: string,
): void {
  try {
    renameSync(from, to);
  } catch (error) {
    if (errnoOf(error) === "ENOENT" && !existsSync(mailbox.folderPath)) {
      throw transaction.noSuchMailbox(mailbox.row.folder);
    }
    throw error;
  }
  // Back to where the receiver looks for it: the job may be tried once more.
  transaction.onUndo(() => renameSync(to, from));
}

export function tmpPath(transaction: Transaction, tmpName: string): string {
  return join(transaction.accountPath, "tmp", tmpName);
}
