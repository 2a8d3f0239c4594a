import { renameSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { crashPoint } from "../../crash-point.ts";
import { areDetailsSound } from "../../index/details-crc.ts";
import type { MessageRow } from "../../index/rows.ts";
import { detailsId, storedFlagBits, systemFlagsMask } from "../../index/schema.ts";
import { limits } from "../../limits.ts";
import { internalDateMsOf } from "../../maildir/folder-files.ts";
import { nameOfFolder } from "../../maildir/folder-name.ts";
import { keywordLettersMax } from "../../maildir/keyword-list.ts";
import { keyWithSizes, newKeyStem, sizesInKey } from "../../maildir/maildir-name.ts";
import { flagsOfInfo } from "../../message-flags.ts";
import { sizeOfFile } from "../adopt-file.ts";
import type { Jobs } from "../jobs.ts";
import type { MailboxTransaction } from "../mailbox-transaction.ts";
import type { Transaction } from "../transaction.ts";
import { checkAccess } from "./access.ts";
import { Findings } from "./findings.ts";

/**
 * Each message's file and its row: size, date, flags, keywords, and the sizes in its name. As many as
 * there is time for; the next slice goes on at `nextUid`.
 *
 * A name with wrong sizes is given another, which Dovecot otherwise trips over:
 *
 *   state   file       index       after a crash here
 *   K1      old name   -           nothing happened
 *   K2      new name   -           the next scan takes it for a new message: it gets another UID
 *   K3      new name   committed   done, under the same UID
 */
export function checkMessages(
  transaction: Transaction,
  args: Jobs["checkMessages"]["args"],
): Jobs["checkMessages"]["result"] {
  const mailbox = transaction.mailboxOfFolder(args.folder);
  // Where it says what of each message, checkListing() has read all of an mbox.
  if (mailbox.mbox !== undefined) return { findings: [], nextUid: undefined };
  const findings = new Findings();
  const about: About = {
    transaction,
    mailbox,
    findings,
    name: nameOfFolder(mailbox.row.folder),
    account: statSync(transaction.accountPath),
    repair: args.repair,
    beyond: mailbox.mailboxFile()?.keywordsOfMessages ?? new Map(),
  };
  const startMs = performance.now();
  const rows = transaction.statements.rowsToCheck.all(
    mailbox.row.id,
    args.afterUid,
    limits.rowsPerSlice,
  );
  for (const row of rows) {
    checkMessage(about, row);
    if (performance.now() - startMs > limits.checkMsPerTransaction) {
      return { findings: findings.all(), nextUid: row.uid };
    }
  }
  const isMore = rows.length === limits.rowsPerSlice;
  return { findings: findings.all(), nextUid: isMore ? rows.at(-1)?.uid : undefined };
}

interface About {
  readonly transaction: Transaction;
  readonly mailbox: MailboxTransaction;
  readonly findings: Findings;
  readonly name: string;
  readonly account: { readonly uid: number; readonly gid: number };
  readonly repair: boolean;
  /** Keywords that have no letter, by key. */
  readonly beyond: ReadonlyMap<string, readonly number[]>;
}

function checkMessage(about: About, row: MessageRow): void {
  const { mailbox, findings, repair } = about;
  const path = mailbox.path(row);
  const size = sizeOfFile(path, row.key);
  // That it is gone, or under another name, checkListing() tells.
  if (size === undefined) return;
  checkAccess(findings, path, size.stats, about.account, repair);
  const rightRow = rowOfFile(about, row, size);
  const differences = differencesOf(row, rightRow);
  if (differences.length > 0) {
    findings.add(
      "messages whose row is not what the file says",
      `UID ${row.uid} in "${about.name}" has ${differences.join(", ")}; repair takes what the file says`,
    );
    if (repair) {
      const { flags, keywordSet, size: bytes, internalMs } = rightRow;
      const { updateMessage, deleteDetails } = about.transaction.statements;
      const { id } = mailbox.row;
      updateMessage.run(flags, keywordSet, mailbox.modSeq(), bytes, internalMs, id, row.uid);
      // Where its parts are was counted in the other octets.
      if (bytes !== row.size) deleteDetails.run(detailsId(id, row.uid));
    }
  }
  checkDetails(about, row.uid);
  checkSizesInName(about, row, path, size);
}

function checkDetails({ transaction, mailbox, findings, name, repair }: About, uid: number): void {
  const id = detailsId(mailbox.row.id, uid);
  const details = transaction.statements.details.get(id);
  if (details === undefined || areDetailsSound(details)) return;
  findings.add(
    "messages whose structure is damaged in the index",
    `What the index has of the header and the parts of UID ${uid} in "${name}" is damaged; repair forgets it, and the file is read when it is next asked for`,
  );
  if (repair) transaction.statements.deleteDetails.run(id);
}

type Comparable = Pick<MessageRow, "flags" | "keywordSet" | "size" | "internalMs">;

function rowOfFile(
  { mailbox, beyond }: About,
  row: MessageRow,
  size: NonNullable<ReturnType<typeof sizeOfFile>>,
): Comparable {
  const { systemFlags, keywordIndexes } = flagsOfInfo(row.info);
  const letters = keywordIndexes.filter((at) => mailbox.keywords.letters()[at] !== undefined);
  const more = (beyond.get(row.key) ?? []).filter((at) => at >= keywordLettersMax);
  return {
    flags: systemFlags | (row.flags & storedFlagBits.isNew) | (size.isLf ? storedFlagBits.isLf : 0),
    keywordSet: mailbox.keywords.setOf([...letters, ...more]),
    size: size.crlfBytes,
    internalMs: internalDateMsOf(size.stats),
  };
}

function differencesOf(row: Comparable, right: Comparable): string[] {
  const differences: string[] = [];
  const flags = row.flags & systemFlagsMask;
  const rightFlags = right.flags & systemFlagsMask;
  if (flags !== rightFlags) differences.push("other system flags than its file name");
  if (row.keywordSet !== right.keywordSet) differences.push("other keywords than its file name");
  if (row.size !== right.size || (row.flags ^ right.flags) & storedFlagBits.isLf) {
    differences.push(`${row.size} octets, and its file ${right.size} with CRLF line ends`);
  }
  if (row.internalMs !== right.internalMs) {
    differences.push("another date than its file");
  }
  return differences;
}

function checkSizesInName(
  about: About,
  row: MessageRow,
  path: string,
  size: NonNullable<ReturnType<typeof sizeOfFile>>,
): void {
  const promised = sizesInKey(row.key);
  if (promised === undefined) return;
  const { fileBytes, crlfBytes } = promised;
  if (fileBytes === size.originalBytes && crlfBytes === size.crlfBytes) return;
  about.findings.add(
    "files with wrong sizes in their names",
    `The name of UID ${row.uid} in "${about.name}" says S=${fileBytes},W=${crlfBytes}, and its file has ${size.originalBytes} octets, ${size.crlfBytes} with CRLF; repair renames it, and it keeps its UID`,
  );
  if (!about.repair) return;
  const { mailbox, transaction } = about;
  const key = keyWithSizes(newKeyStem(transaction.host), size.originalBytes, size.crlfBytes);
  const to = mailbox.path({ ...row, key });
  renameSync(path, to);
  transaction.onUndo(() => renameSync(to, path));
  crashPoint("K2");
  transaction.syncLater(dirname(to));
  transaction.statements.updateKey.run(key, mailbox.row.id, row.uid);
  mailbox.rewriteUidList();
  if (about.beyond.has(row.key)) mailbox.writeMailboxFileLater();
}
