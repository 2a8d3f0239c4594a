import { rmSync } from "node:fs";
import { join } from "node:path";
import { canonicalEntry, userOfEntry } from "../../annotations.ts";
import { crashPoint } from "../../crash-point.ts";
import type { AnnotationRow } from "../../index/rows.ts";
import { limits } from "../../limits.ts";
import {
  annotationsFileName,
  formatAnnotationsFile,
  parseAnnotationsFile,
} from "../../maildir/annotations-file.ts";
import { readIfThere, replaceDurably } from "../../maildir/durable-file.ts";
import { fileSignature } from "../../maildir/file-signature.ts";
import { StoreError } from "../../store-error.ts";
import type { Jobs } from "../jobs.ts";
import type { Transaction } from "../transaction.ts";

/** Rows of the account itself. */
export const accountAnnotations = 0;
/** In the index's `about`: posthouse-annotations as we left it. */
const seenName = "annotationsSeen";

/**
 * Annotations, rights and special use stand in posthouse-mailbox, those of the account in
 * posthouse-annotations; the index has them too, with the signature of the file that it read them from.
 *
 *   state   file       index       after a crash here
 *   N1      old        -           nothing happened
 *   N2      new        -           the signature differs: whoever comes next reads the new file
 *   N3      new        committed   done
 */
export function setAnnotations(
  transaction: Transaction,
  args: Jobs["setAnnotations"]["args"],
): Jobs["setAnnotations"]["result"] {
  followPlainFile(transaction, args);
  const mailbox = args.folder === undefined ? undefined : transaction.mailboxOfFolder(args.folder);
  const id = mailbox?.row.id ?? accountAnnotations;
  const { statements } = transaction;
  for (const change of args.changes) {
    const entry = canonicalEntry(change.entry);
    const user = userOfEntry(entry, args.user);
    if (change.value === undefined) statements.deleteAnnotation.run(id, user, entry);
    else statements.putAnnotation.run(id, user, entry, checkedValue(entry, change.value));
  }
  const annotations = statements.annotations.all(id);
  refuseTooMany(annotations, transaction.accountPath);
  crashPoint("N1");
  if (mailbox === undefined) writeAccountFile(transaction, annotations);
  else mailbox.writeMailboxFileLater();
  transaction.noteChange();
  return undefined;
}

/** Reads a plain file that is not as the index left it. */
export function followPlainFile(
  transaction: Transaction,
  args: Jobs["followPlainFile"]["args"],
): Jobs["followPlainFile"]["result"] {
  if (args.folder !== undefined) transaction.mailboxOfFolder(args.folder).followMailboxFile();
  else followAccountFile(transaction);
  return undefined;
}

/** A file that is gone is no annotations: only what stands in it came from a client. */
function followAccountFile(transaction: Transaction): void {
  const { statements } = transaction;
  const path = join(transaction.accountPath, annotationsFileName);
  const signature = fileSignature(path);
  if (signature === (statements.about.get(seenName) ?? "")) return;
  const octets = readIfThere(path);
  const file = octets === undefined ? undefined : parseAnnotationsFile(octets);
  if (octets !== undefined && file === undefined) {
    throw new StoreError("unavailable", `Cannot read "${path}": it is not of this version`);
  }
  statements.deleteAnnotations.run(accountAnnotations);
  for (const { user, entry, value } of file?.annotations ?? []) {
    statements.putAnnotation.run(accountAnnotations, user, entry, value);
  }
  statements.putAbout.run(seenName, signature);
  transaction.noteChange();
}

function writeAccountFile(transaction: Transaction, annotations: readonly AnnotationRow[]): void {
  const path = join(transaction.accountPath, annotationsFileName);
  const before = readIfThere(path);
  const otherLines = (before && parseAnnotationsFile(before)?.otherLines) ?? [];
  replaceDurably(path, formatAnnotationsFile({ annotations, otherLines }));
  transaction.onUndo(() => {
    if (before === undefined) rmSync(path, { force: true });
    else replaceDurably(path, before);
  });
  crashPoint("N2");
  transaction.statements.putAbout.run(seenName, fileSignature(path));
}

function checkedValue(entry: string, value: Uint8Array): Uint8Array {
  if (value.length <= limits.annotationOctetsMax) return value;
  throw new StoreError(
    "limit",
    `Cannot keep ${value.length} octets for "${entry}": at most ${limits.annotationOctetsMax}`,
  );
}

function refuseTooMany(annotations: readonly AnnotationRow[], accountPath: string): void {
  const octets = annotations.reduce((sum, { value }) => sum + value.length, 0);
  if (annotations.length <= limits.annotationsMax && octets <= limits.annotationsOctetsMax) return;
  throw new StoreError(
    "limit",
    `Cannot keep ${annotations.length} annotations of ${octets} octets in "${accountPath}"`,
  );
}
