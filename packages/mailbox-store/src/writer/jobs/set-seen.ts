import { rmSync } from "node:fs";
import { join } from "node:path";
import { crashPoint } from "../../crash-point.ts";
import { readIfThere, replaceDurably } from "../../maildir/durable-file.ts";
import {
  emptySeenFile,
  formatSeenFile,
  lastModSeq,
  parseSeenFile,
  type SeenFile,
  seenFileName,
  unlike,
  withSeen,
} from "../../maildir/seen-file.ts";
import { uidSetOf } from "../../uid-set.ts";
import type { Jobs } from "../jobs.ts";
import type { Transaction } from "../transaction.ts";

/**
 * \Seen of somebody who does not own the mailbox: a file of that user's own beside the messages. The index
 * knows only the modseq, and a mailbox without its index loses nothing of it.
 *
 *   state   file    index       after a crash here
 *   S1      old     -           nothing happened
 *   S2      new     -           it is seen; whoever reads the file next raises the index's modseq above its own
 *   S3      new     committed   done
 *
 * Without UIDs it only raises that modseq.
 */
export function setSeen(
  transaction: Transaction,
  args: Jobs["setSeen"]["args"],
): Jobs["setSeen"]["result"] {
  const mailbox = transaction.mailboxOfGuid(args.guid);
  const { row } = mailbox;
  const path = join(mailbox.folderPath, seenFileName(args.user));
  const before = readIfThere(path);
  const file = currentFile(before, row.uidValidity);
  if (lastModSeq(file) > row.highestModSeq) {
    row.highestModSeq = lastModSeq(file);
    transaction.noteChange();
  }
  const known = transaction.messagesOf(mailbox, args.uids).map(({ uid }) => uid);
  const uids = unlike(file, uidSetOf(known.sort((a, b) => a - b)), args.isSeen);
  if (uids.length === 0) return undefined;
  const next = withSeen(file, uids, { isSeen: args.isSeen, modSeq: mailbox.modSeq() });
  crashPoint("S1");
  replaceDurably(path, formatSeenFile(next));
  transaction.onUndo(() => {
    if (before === undefined) rmSync(path, { force: true });
    else replaceDurably(path, before);
  });
  crashPoint("S2");
  return undefined;
}

/** A damaged file is none: all is unseen then, which is the safe side. */
function currentFile(octets: Buffer | undefined, uidValidity: number): SeenFile {
  const file = octets && parseSeenFile(octets);
  return file?.uidValidity === uidValidity ? file : emptySeenFile(uidValidity);
}
