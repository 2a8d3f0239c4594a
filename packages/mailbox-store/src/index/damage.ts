import type { ColumnRow } from "../message-columns.ts";

/** What a reader of the index found that no sane index holds; SQLite itself found nothing wrong. */
export class DamagedIndex extends Error {
  readonly code = "SQLITE_CORRUPT";
}

/**
 * Whether the index itself is what is wrong, and not the disk's space or another's lock. Then it is set
 * aside and made anew from the files.
 */
export function isDamage(error: unknown): boolean {
  const { code, message } = error as { readonly code?: unknown; readonly message?: unknown };
  if (typeof code !== "string") return false;
  // A file that was cut while it was open is read past its end.
  if (/^SQLITE_(CORRUPT|NOTADB|SCHEMA|FORMAT|MISMATCH|IOERR_SHORT_READ|TOOBIG)/.test(code))
    return true;
  // Tables that we made are not there: the file holds another database now, or none.
  return code === "SQLITE_ERROR" && /^no such (table|column)|malformed/.test(String(message));
}

/**
 * What SQLite does not see, since each page may hold any numbers: rows that are not in the order of
 * their UIDs, or whose values no message has.
 *
 * @throws DamagedIndex
 */
export function refuseDamagedRows(rows: readonly ColumnRow[], uidBefore: number): void {
  let last = uidBefore;
  for (const [uid, flags, keywordSet, modSeq, size, internalMs, saveMs] of rows) {
    const isSound =
      uid > last &&
      uid <= 0xffff_ffff &&
      flags >= 0 &&
      flags < 128 &&
      keywordSet >= 0 &&
      modSeq > 0 &&
      size >= 0 &&
      size <= Number.MAX_SAFE_INTEGER &&
      Math.abs(internalMs) <= 8.64e15 &&
      Math.abs(saveMs) <= 8.64e15;
    if (!isSound) throw new DamagedIndex(`the row of UID ${uid} behind ${last} cannot be`);
    last = uid;
  }
}
