import { renameSync } from "node:fs";
import { dirname, join } from "node:path";
import { storedFlagBits } from "../../index/schema.ts";
import { errnoOf } from "../../maildir/durable-file.ts";
import { findMoved } from "../find-moved.ts";
import type { Jobs } from "../jobs.ts";
import type { MailboxTransaction } from "../mailbox-transaction.ts";
import { mboxFlagsOf } from "../mbox-messages.ts";
import type { MboxTransaction } from "../mbox-transaction.ts";
import type { Transaction } from "../transaction.ts";

/**
 * new/ to cur/. No crash table: a message that is back in new/ after a crash is \Recent once more, and
 * nothing else. Both directories are synced, since a power failure that takes one and not the other
 * would leave the message in neither, or bring it back after it was expunged.
 */
export function claimRecent(
  transaction: Transaction,
  args: Jobs["claimRecent"]["args"],
): Jobs["claimRecent"]["result"] {
  const mailbox = transaction.mailboxOfGuid(args.guid);
  const { statements } = transaction;
  const uids: number[] = [];
  if (mailbox.mbox !== undefined) return claimInMbox(transaction, mailbox, mailbox.mbox);
  for (const message of statements.newMessages.all(mailbox.row.id)) {
    const from = mailbox.path(message);
    const info = message.info === "" ? ":2," : message.info;
    const to = join(mailbox.folderPath, "cur", message.key + info);
    try {
      renameSync(from, to);
    } catch (error) {
      if (errnoOf(error) !== "ENOENT") throw error;
      // Another program moved it to cur/, and its users were told that it is recent.
      findMoved(transaction, mailbox, message);
      continue;
    }
    transaction.onUndo(() => renameSync(to, from));
    transaction.syncLater(dirname(from));
    transaction.syncLater(dirname(to));
    const flags = message.flags & ~storedFlagBits.isNew;
    statements.updateFlags.run(
      flags,
      message.keywordSet,
      message.modSeq,
      mailbox.row.id,
      message.uid,
    );
    statements.updateInfo.run(info, mailbox.row.id, message.key);
    uids.push(message.uid);
  }
  return { uids };
}

/** "O" in Status says that somebody was told. */
function claimInMbox(
  transaction: Transaction,
  mailbox: MailboxTransaction,
  mbox: MboxTransaction,
): Jobs["claimRecent"]["result"] {
  const { statements } = transaction;
  mbox.ready();
  const recent = statements.newMessages.all(mailbox.row.id);
  for (const { uid, flags, keywordSet, modSeq } of recent) {
    const row = { flags: flags & ~storedFlagBits.isNew, keywordSet };
    mbox.setFlags(uid, mboxFlagsOf(mailbox, row));
    statements.updateFlags.run(row.flags, keywordSet, modSeq, mailbox.row.id, uid);
  }
  return { uids: recent.map(({ uid }) => uid) };
}
