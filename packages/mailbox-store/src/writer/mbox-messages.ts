import { closeSync, fsyncSync, openSync, rmSync, statSync, utimesSync, writeSync } from "node:fs";
import { join } from "node:path";
import { inflatedOctets } from "../compression/sizes-of-file.ts";
import { CrlfConverter } from "../crlf.ts";
import { crcOfDetails } from "../index/details-crc.ts";
import type { MessageRow } from "../index/rows.ts";
import { detailsId, storedFlagBits, systemFlagsMask } from "../index/schema.ts";
import { fileMode } from "../maildir/durable-file.ts";
import { internalDateMsOf } from "../maildir/folder-files.ts";
import { keyWithSizes, newKeyStem } from "../maildir/maildir-name.ts";
import { mboxName } from "../mbox/mbox-folder.ts";
import { sourceOf } from "../mbox/mbox-journal.ts";
import { octetsBetween } from "../mbox/mbox-scanner.ts";
import { parsePlace } from "../mbox/message-place.ts";
import type { MboxFlags } from "../mbox/store-fields.ts";
import { StoredDecoder } from "../mbox/stored-octets.ts";
import { insertSortKeys } from "./jobs/put-sort-keys.ts";
import type { ReceivedMessage } from "./jobs.ts";
import type { MailboxTransaction } from "./mailbox-transaction.ts";
import type { MboxTransaction } from "./mbox-transaction.ts";
import type { Transaction } from "./transaction.ts";

/** Puts a message of tmp/ into an mbox and its row into the index; the file goes when all is committed. */
export function appendToMbox(
  transaction: Transaction,
  mailbox: MailboxTransaction,
  mbox: MboxTransaction,
  message: ReceivedMessage,
  isRecent: boolean,
): number {
  const { statements } = transaction;
  const { id } = mailbox.row;
  const path = join(transaction.accountPath, "tmp", message.tmpName);
  mbox.ready();
  const positions = mailbox.keywords.positionsOf(message.keywords);
  const appended = mbox.append(path, internalDateMsOf(statSync(path)), {
    systemFlags: message.systemFlags,
    isRecent,
    keywords: mailbox.keywords.namesAt(positions),
  });
  transaction.afterCommit(() => rmSync(path, { force: true }));
  const { uid } = appended;
  statements.insertMessage.run(
    id,
    uid,
    message.systemFlags | (isRecent ? storedFlagBits.isNew : 0),
    mailbox.keywords.setOf(positions),
    mailbox.modSeq(),
    appended.sizeBytes,
    appended.internalMs,
    appended.saveMs,
  );
  statements.insertFile.run(id, `${uid}`, uid, "");
  const { details } = message;
  // Fields that were dropped are in none of its offsets: what is served is read again.
  if (details !== undefined && appended.isUnchanged) {
    const { envelope, bodyStructure, body, parts, emailId, threadId } = details;
    statements.insertDetails.run(
      detailsId(id, uid),
      envelope,
      bodyStructure,
      body,
      parts,
      emailId,
      threadId,
      crcOfDetails(details),
    );
    if (message.sortKeys !== undefined) {
      insertSortKeys(transaction, detailsId(id, uid), message.sortKeys);
    }
  }
  return uid;
}

/** What the file is to say of a message with these in its row. */
export function mboxFlagsOf(
  mailbox: MailboxTransaction,
  row: { readonly flags: number; readonly keywordSet: number },
): MboxFlags {
  return {
    systemFlags: row.flags & systemFlagsMask,
    isRecent: (row.flags & storedFlagBits.isNew) !== 0,
    keywords: mailbox.keywords.namesOfSet(row.keywordSet),
  };
}

/**
 * A message's octets as they are served, in a file of tmp/: what copies from one format to another go
 * through. Throws ENOENT when its own file is not where the index says.
 */
export function stageMessage(
  transaction: Transaction,
  source: MailboxTransaction,
  message: MessageRow,
): ReceivedMessage {
  const stem = newKeyStem(transaction.host);
  const path = join(transaction.accountPath, "tmp", stem);
  try {
    const sizeBytes = writeServed(source, message, path);
    const seconds = message.internalMs / 1000;
    utimesSync(path, seconds, new Date(message.internalMs));
    transaction.onUndo(() => rmSync(path, { force: true }));
    return {
      tmpName: stem,
      key: keyWithSizes(stem, sizeBytes, sizeBytes),
      sizeBytes,
      systemFlags: message.flags & systemFlagsMask,
      keywords: source.keywords.namesOfSet(message.keywordSet),
      details: undefined,
      sortKeys: undefined,
    };
  } catch (error) {
    rmSync(path, { force: true });
    throw error;
  }
}

function writeServed(source: MailboxTransaction, message: MessageRow, path: string): number {
  const place = parsePlace(message.info);
  if (place === undefined) return writeFromFile(source.path(message), message, path);
  const mbox = openSync(join(source.folderPath, mboxName), "r");
  try {
    const decoder = new StoredDecoder(place.form);
    const octets = octetsBetween(sourceOf(mbox), place.headerOffset, place.bodyEnd);
    return writeOctets(
      path,
      octets,
      (piece) => decoder.convert(piece),
      () => decoder.end(),
    );
  } finally {
    closeSync(mbox);
  }
}

function writeFromFile(from: string, message: MessageRow, path: string): number {
  const isLf = (message.flags & storedFlagBits.isLf) !== 0;
  const crlf = isLf ? new CrlfConverter() : undefined;
  const convert = (piece: Uint8Array) => crlf?.convert(piece) ?? piece;
  const inflated = inflatedOctets(from);
  if (inflated !== undefined) return writeOctets(path, [inflated], convert);
  const file = openSync(from, "r");
  try {
    const source = sourceOf(file);
    return writeOctets(path, octetsBetween(source, 0, source.sizeBytes), convert);
  } finally {
    closeSync(file);
  }
}

function writeOctets(
  path: string,
  pieces: Iterable<Uint8Array>,
  convert: (piece: Uint8Array) => Uint8Array,
  end: () => Uint8Array = () => Buffer.alloc(0),
): number {
  const file = openSync(path, "wx", fileMode);
  let sizeBytes = 0;
  const write = (octets: Uint8Array) => {
    for (let at = 0; at < octets.length; ) at += writeSync(file, octets, at);
    sizeBytes += octets.length;
  };
  try {
    for (const piece of pieces) write(convert(piece));
    write(end());
    fsyncSync(file);
    return sizeBytes;
  } finally {
    closeSync(file);
  }
}
