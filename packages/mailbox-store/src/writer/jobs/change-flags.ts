import { renameSync } from "node:fs";
import { join } from "node:path";
import { crashPoint } from "../../crash-point.ts";
import type { MessageRow } from "../../index/rows.ts";
import { storedFlagBits, systemFlagsMask } from "../../index/schema.ts";
import { errnoOf } from "../../maildir/durable-file.ts";
import { infoOfFlags } from "../../message-flags.ts";
import { findMoved } from "../find-moved.ts";
import type { Jobs } from "../jobs.ts";
import type { MailboxTransaction } from "../mailbox-transaction.ts";
import type { Transaction } from "../transaction.ts";

/**
 * Flags are letters in the file's name; the index follows.
 *
 *   state   file name        index       after a crash here
 *   F1      old              -           nothing happened
 *   F2      new              -           the next scan reads the new flags from the name
 *   F3      new, synced      -           as F2
 *   F4      new, synced      committed   done
 *
 * The directory is synced before the commit: an index that is ahead of the name after a power failure
 * would read the old name as another program's change and take the flags back.
 */
export function changeFlags(
  transaction: Transaction,
  args: Jobs["changeFlags"]["args"],
): Jobs["changeFlags"]["result"] {
  const mailbox = transaction.mailboxOfGuid(args.guid);
  const positions =
    args.mode === "remove"
      ? mailbox.keywords.knownPositionsOf(args.keywords)
      : mailbox.keywords.positionsOf(args.keywords);
  const modified: number[] = [];
  for (const uid of args.uids) {
    const message = transaction.statements.message.get(mailbox.row.id, uid);
    if (message === undefined) continue;
    if (args.unchangedSince !== undefined && message.modSeq > args.unchangedSince) {
      modified.push(uid);
      continue;
    }
    changeOne(transaction, mailbox, message, args, positions);
  }
  return { modified };
}

function changeOne(
  transaction: Transaction,
  mailbox: MailboxTransaction,
  message: MessageRow,
  change: Jobs["changeFlags"]["args"],
  positions: readonly number[],
): void {
  const systemFlags = message.flags & systemFlagsMask;
  const before = mailbox.keywords.positionsOfSet(message.keywordSet);
  const newFlags = combine(change.mode, systemFlags, change.systemFlags);
  const newPositions = combineSets(change.mode, before, positions);
  const keywordSet = mailbox.keywords.setOf(newPositions);
  if (newFlags === systemFlags && keywordSet === message.keywordSet) return;

  const info = infoOfFlags(
    message.info,
    newFlags,
    mailbox.keywords.lettersOf(newPositions),
    (letter) => mailbox.keywords.isKnownLetter(letter),
  );
  const moved = renameMessage(transaction, mailbox, message, info);
  if (moved === "gone") return;
  if (moved !== undefined) {
    changeOne(transaction, mailbox, moved, change, positions);
    return;
  }
  const flags = (message.flags & storedFlagBits.isLf) | newFlags;
  const { statements } = transaction;
  statements.updateFlags.run(flags, keywordSet, mailbox.modSeq(), mailbox.row.id, message.uid);
  statements.updateInfo.run(info, mailbox.row.id, message.key);
  mailbox.keywords.noteSetChange(before, newPositions);
}

/**
 * Gives the file its new name in cur/. When it is not where the index says, another program renamed
 * it: the message as it is now, or "gone".
 */
function renameMessage(
  transaction: Transaction,
  mailbox: MailboxTransaction,
  message: MessageRow,
  info: string,
): MessageRow | "gone" | undefined {
  const from = mailbox.path(message);
  const directory = join(mailbox.folderPath, "cur");
  const to = join(directory, message.key + info);
  crashPoint("F1");
  try {
    if (from !== to) renameSync(from, to);
  } catch (error) {
    if (errnoOf(error) !== "ENOENT") throw error;
    return findMoved(transaction, mailbox, message) ?? "gone";
  }
  transaction.onUndo(() => renameSync(to, from));
  transaction.syncLater(directory);
  crashPoint("F2");
  return undefined;
}

function combine(mode: "add" | "remove" | "replace", before: number, change: number): number {
  if (mode === "add") return before | change;
  if (mode === "remove") return before & ~change;
  return change;
}

function combineSets(
  mode: "add" | "remove" | "replace",
  before: readonly number[],
  change: readonly number[],
): number[] {
  if (mode === "add") return [...new Set([...before, ...change])];
  if (mode === "remove") return before.filter((at) => !change.includes(at));
  return [...new Set(change)];
}
