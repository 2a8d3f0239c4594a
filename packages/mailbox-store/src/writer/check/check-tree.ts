import { existsSync, lstatSync, readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { limits } from "../../limits.ts";
import { annotationsFileName } from "../../maildir/annotations-file.ts";
import { readIfThere } from "../../maildir/durable-file.ts";
import { fileSignature } from "../../maildir/file-signature.ts";
import { nameOfFolder } from "../../maildir/folder-name.ts";
import { nextUidValidity, uidValidityName } from "../../maildir/uid-validity.ts";
import { accountFileName, markerName, subscriptionsName } from "../account-tree.ts";
import { followPlainFile } from "../jobs/annotations.ts";
import { listFolders, syncFolders } from "../jobs/sync-folders.ts";
import type { Jobs } from "../jobs.ts";
import type { Transaction } from "../transaction.ts";
import { checkAccess } from "./access.ts";
import { Findings } from "./findings.ts";

/**
 * The account's own directory: its folders, its plain files, and what a crash left. Whatever is subscribed is left
 * alone: it may be another account's, and a mailbox that is gone may come again (RFC 9051 §6.3.7).
 */
export function checkTree(
  transaction: Transaction,
  args: Jobs["checkTree"]["args"],
): Jobs["checkTree"]["result"] {
  const findings = new Findings();
  checkLeftovers(transaction, findings, args.repair);
  checkFolders(transaction, findings, args.repair);
  checkUidValidity(transaction, findings, args.repair);
  checkAnnotations(transaction, findings, args.repair);
  const account = statSync(transaction.accountPath);
  for (const name of [accountFileName, subscriptionsName, markerName, uidValidityName, ""]) {
    const path = join(transaction.accountPath, name);
    if (existsSync(path)) checkAccess(findings, path, lstatSync(path), account, args.repair);
  }
  return findings.all();
}

function checkFolders(transaction: Transaction, findings: Findings, repair: boolean): void {
  const folders = listFolders(transaction.accountPath);
  const rows = transaction.statements.mailboxes.all();
  for (const { folder } of rows) {
    if (folders.has(folder)) continue;
    findings.add(
      "folders that are gone",
      `The folder of "${nameOfFolder(folder)}" is gone; repair takes the mailbox out of the index, or finds it under its new name`,
    );
  }
  for (const folder of folders) {
    if (rows.some((row) => row.folder === folder)) continue;
    findings.add(
      "folders that the index does not know",
      `The index does not know "${nameOfFolder(folder)}"; repair takes it in`,
    );
  }
  if (repair) syncFolders(transaction);
}

/** Of a crash, or of a process that is not there any more: our transaction keeps all others away. */
function checkLeftovers(transaction: Transaction, findings: Findings, repair: boolean): void {
  for (const entry of readdirSync(transaction.accountPath)) {
    const isStaging = /^posthouse-(making|deleted)\.[0-9a-f]{16}$/.test(entry);
    const path = join(transaction.accountPath, entry);
    if (!isStaging && !(/\.tmp-\d+-\d+$/.test(entry) && isOld(path))) continue;
    findings.add(
      "leftovers of a crash",
      `"${path}" is what a crash left of something that was being ${entry.includes("-deleted.") ? "deleted" : "written"}; repair removes it`,
    );
    if (repair) transaction.afterCommit(() => rmSync(path, { recursive: true, force: true }));
  }
}

function isOld(path: string): boolean {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  return stats !== undefined && Date.now() - stats.mtimeMs > limits.tmpAgeMsMax;
}

function checkUidValidity(transaction: Transaction, findings: Findings, repair: boolean): void {
  const path = join(transaction.accountPath, uidValidityName);
  const octets = readIfThere(path)?.toString("latin1");
  const last = Number(/^(\d{1,10})\n/.exec(octets ?? "")?.[1] ?? 0);
  const inUse = transaction.statements.mailboxes.all().map(({ uidValidity }) => uidValidity);
  const largest = Math.max(0, ...inUse);
  // A tree that was taken over has no counter until the first mailbox is made.
  if (octets === undefined || last >= largest) return;
  findings.add(
    "",
    `"${path}" says ${last}, and a mailbox has UIDVALIDITY ${largest} already; repair raises it`,
  );
  if (repair) nextUidValidity(transaction.accountPath, largest);
}

function checkAnnotations(transaction: Transaction, findings: Findings, repair: boolean): void {
  const path = join(transaction.accountPath, annotationsFileName);
  const seen = transaction.statements.about.get("annotationsSeen") ?? "";
  if (fileSignature(path) === seen) return;
  findings.add("", `The index does not have the annotations of "${path}" yet; repair reads them`);
  if (repair) followPlainFile(transaction, { folder: undefined });
}
