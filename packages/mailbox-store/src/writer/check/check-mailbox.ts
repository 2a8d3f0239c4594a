import { existsSync, lstatSync, mkdirSync, readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { limits } from "../../limits.ts";
import { readIfThere } from "../../maildir/durable-file.ts";
import { fileSignature } from "../../maildir/file-signature.ts";
import { nameOfFolder } from "../../maildir/folder-name.ts";
import { parseKeywordList } from "../../maildir/keyword-list.ts";
import { mailboxFileName } from "../../maildir/mailbox-file.ts";
import { parseUidList } from "../../maildir/uid-list.ts";
import { readMailboxFile } from "../jobs/sync-folders.ts";
import type { Jobs } from "../jobs.ts";
import type { MailboxTransaction } from "../mailbox-transaction.ts";
import type { Transaction } from "../transaction.ts";
import { uidListName } from "../uid-list-file.ts";
import { checkAccess } from "./access.ts";
import { Findings } from "./findings.ts";

/** Everything of a mailbox but its messages: directories, plain files, and the mailbox's own row. */
export function checkMailbox(
  transaction: Transaction,
  args: Jobs["checkMailbox"]["args"],
): Jobs["checkMailbox"]["result"] {
  const mailbox = transaction.mailboxOfFolder(args.folder);
  const findings = new Findings();
  const about: About = {
    transaction,
    mailbox,
    findings,
    name: nameOfFolder(mailbox.row.folder),
    repair: args.repair,
  };
  const isMaildir = mailbox.mbox === undefined;
  if (isMaildir) checkDirectories(about);
  checkMailboxFile(about);
  checkRows(about);
  checkNumbers(about);
  // An mbox has UIDs and keywords in the messages.
  if (isMaildir) checkUidList(about);
  if (isMaildir) checkKeywords(about);
  return findings.all();
}

interface About {
  readonly transaction: Transaction;
  readonly mailbox: MailboxTransaction;
  readonly findings: Findings;
  readonly name: string;
  readonly repair: boolean;
}

function checkDirectories({ transaction, mailbox, findings, name, repair }: About): void {
  const account = statSync(transaction.accountPath);
  const directories = ["", "new", "cur", "tmp"].map((one) => join(mailbox.folderPath, one));
  for (const path of directories) {
    if (existsSync(path)) checkAccess(findings, path, lstatSync(path), account, repair);
    else {
      findings.add("", `"${path}" is missing in "${name}"; repair makes it`);
      if (repair) mkdirSync(path, { recursive: true });
    }
  }
  const tmp = join(mailbox.folderPath, "tmp");
  for (const entry of existsSync(tmp) ? readdirSync(tmp) : []) {
    const stats = lstatSync(join(tmp, entry), { throwIfNoEntry: false });
    if (stats === undefined || Date.now() - stats.mtimeMs < limits.tmpAgeMsMax) continue;
    findings.add(
      "old files in tmp",
      `"${join(tmp, entry)}" was never finished and is older than 36 hours; repair removes it`,
    );
    if (repair) rmSync(join(tmp, entry), { recursive: true, force: true });
  }
}

function checkMailboxFile({ transaction, mailbox, findings, name, repair }: About): void {
  const path = join(mailbox.folderPath, mailboxFileName);
  const { row } = mailbox;
  const file = mailbox.mailboxFile();
  if (file === undefined) {
    const isThere = existsSync(path);
    findings.add(
      "",
      `"${path}" ${isThere ? "cannot be read" : "is missing"}; repair writes it from the index${isThere ? " and keeps the old one beside it" : ""}`,
    );
    if (repair && isThere) readMailboxFile(transaction, mailbox.folderPath);
  } else if (file.id !== row.guid) {
    const isTaken = transaction.statements.mailboxByGuid.get(file.id) !== undefined;
    findings.add(
      "",
      `"${path}" names the id ${file.id}, and the index knows "${name}" as ${row.guid}; repair takes ${isTaken ? "the index's, since another mailbox has that of the file" : "that of the file"}`,
    );
    if (repair && !isTaken) {
      transaction.statements.setGuid.run(file.id, row.id);
      row.guid = file.id;
    }
  } else if (file.uidReserved < row.uidNext - 1 || file.modSeqReserved < row.highestModSeq) {
    findings.add(
      "",
      `The marks in "${path}" are below what was given out in "${name}", so that a lost index would give it out again; repair raises them`,
    );
  } else {
    if (fileSignature(path) === row.mailboxFileSeen) return;
    findings.add("", `"${path}" was changed since the index read it; repair reads it again`);
    if (repair) mailbox.followMailboxFile();
    return;
  }
  if (!repair) return;
  row.uidReserved = 0;
  mailbox.writeMailboxFileLater();
}

/** A message is a row in two tables. */
function checkRows({ transaction, mailbox, findings, name, repair }: About): void {
  const { statements } = transaction;
  const { id } = mailbox.row;
  const fileless = statements.messagesWithoutFile.all(id);
  for (const uid of fileless) {
    findings.add(
      "messages without a file name",
      `The index has no file name for UID ${uid} in "${name}"; repair forgets the row and looks for the file`,
    );
  }
  if (repair) mailbox.forget(fileless);
  for (const { key, uid } of statements.filesWithoutMessage.all(id)) {
    findings.add(
      "file names without a message",
      `The index has the file ${key} of UID ${uid} in "${name}" without its flags; repair takes the file in again`,
    );
    if (repair) statements.deleteFileByKey.run(id, key);
  }
}

function checkNumbers({ transaction, mailbox, findings, name, repair }: About): void {
  const { row } = mailbox;
  const { statements } = transaction;
  const sums = statements.sums.get(row.id);
  const counters = statements.counters.get(row.id);
  if (sums === undefined || counters === undefined) return;
  const { messages, unseen, deleted, recent, bytes } = sums;
  if (JSON.stringify(counters) !== JSON.stringify({ messages, unseen, deleted, recent, bytes })) {
    findings.add(
      "",
      `The counters of "${name}" say ${counters.messages} messages of ${counters.bytes} octets, and there are ${messages} of ${bytes} or other flags; repair counts anew, for STATUS and quota`,
    );
    if (repair) statements.setCounters.run({ ...sums, id: row.id });
  }
  if (row.uidNext <= sums.uidMax) {
    findings.add(
      "",
      `UIDNEXT of "${name}" is ${row.uidNext}, and UID ${sums.uidMax} is there; repair raises it`,
    );
    if (repair) row.uidNext = sums.uidMax + 1;
  }
  if (row.highestModSeq < sums.modSeqMax) {
    findings.add(
      "",
      `HIGHESTMODSEQ of "${name}" is ${row.highestModSeq}, and a message has ${sums.modSeqMax}; repair raises it`,
    );
    if (repair) row.highestModSeq = sums.modSeqMax;
  }
}

/** Lines of messages that are gone are no difference: they go when the list is next written. */
function checkUidList({ transaction, mailbox, findings, name, repair }: About): void {
  const path = join(mailbox.folderPath, uidListName);
  const octets = readIfThere(path);
  const list = octets === undefined ? undefined : parseUidList(octets);
  const { row } = mailbox;
  const damage = ((): string | undefined => {
    if (list === undefined) return octets === undefined ? "is missing" : "cannot be read";
    if (list.damagedLines > 0) return `has ${list.damagedLines} lines that cannot be read`;
    if (list.guid !== row.guid) return "names another mailbox's id";
    return undefined;
  })();
  if (damage !== undefined) {
    findings.add("", `"${path}" ${damage}; repair writes it from the index`);
  }
  let isOther = damage !== undefined;
  if (list !== undefined && list.uidValidity !== row.uidValidity) {
    // The file is Dovecot's truth too: the next transaction takes its number, and so does repair.
    findings.add(
      "",
      `"${path}" has UIDVALIDITY ${list.uidValidity}, and the index ${row.uidValidity}; repair reads "${name}" anew under that of the file`,
    );
    isOther = true;
  } else if (list !== undefined && row.isScanned === 1) {
    const uidOfKey = new Map(list.entries.map(({ uid, key }) => [key, uid]));
    for (const { uid, key } of transaction.statements.uidListOfIndex.iterate(row.id)) {
      if (uidOfKey.get(key) === uid) continue;
      isOther = true;
      const listed = uidOfKey.get(key);
      findings.add(
        "files that dovecot-uidlist has under no UID or another",
        `"${path}" ${listed === undefined ? "does not have" : `has under UID ${listed}`} the file ${key}, whose UID is ${uid}; repair writes the list from the index`,
      );
    }
  }
  if (!isOther || !repair) return;
  // The list is read in any case: it may be the index's memory of it that is wrong.
  row.uidListSeen = "";
  mailbox.rewriteUidList();
}

function checkKeywords({ mailbox, findings, name, repair }: About): void {
  const path = join(mailbox.folderPath, "dovecot-keywords");
  const listed = parseKeywordList(readIfThere(path) ?? Buffer.alloc(0));
  const known = mailbox.keywords.letters();
  for (const [position, inIndex] of known.entries()) {
    const inFile = listed[position];
    // What only the file has is another program's, and read when a message first has its letter.
    if (inIndex === undefined || inFile === inIndex) continue;
    const letter = String.fromCharCode(0x61 + position);
    findings.add(
      "letters with another keyword",
      `The letter ${letter} in "${name}" means ${inFile ?? "nothing"} in dovecot-keywords and ${inIndex} in the index; repair ${inFile === undefined ? "writes it into the file" : "takes what the file says"}`,
    );
  }
  if (!repair) return;
  mailbox.keywords.readFile();
  mailbox.keywords.writeFileIfOther();
}
