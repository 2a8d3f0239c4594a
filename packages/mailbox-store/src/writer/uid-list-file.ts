import { closeSync, fstatSync, ftruncateSync, openSync, readSync, writeSync } from "node:fs";
import { join } from "node:path";
import type { MailboxRow } from "../index/rows.ts";
import { takeDotlock } from "../maildir/dotlock.ts";
import { fileMode, readIfThere, replaceDurably } from "../maildir/durable-file.ts";
import { fileSignature, signatureOf } from "../maildir/file-signature.ts";
import {
  formatUidListHeader,
  formatUidListLine,
  parseUidList,
  parseUidListLines,
  popUidsIn,
  type UidList,
  type UidListEntry,
} from "../maildir/uid-list.ts";

export const uidListName = "dovecot-uidlist";

/** What another program did to the list since we last left it. */
export type UidListNews =
  | { readonly kind: "none" }
  /** Lines that are new. */
  | {
      readonly kind: "appended";
      readonly entries: readonly UidListEntry[];
      readonly uidNext: number;
    }
  /** Written anew, or not seen before. */
  | { readonly kind: "replaced"; readonly list: UidList }
  /** Not there, or no list at all: it is to be written from the index. */
  | { readonly kind: "lost" };

/**
 * `dovecot-uidlist` of one mailbox while its lock is held.
 *
 * Appended lines are not fsynced. When the power goes, the index still has their UIDs and the list is
 * written anew from it; and should both be lost, numbering goes on above the reserved mark, so that no
 * UID is given twice.
 */
export class UidListFile {
  readonly #path: string;
  readonly #lock: { release(): void };
  /** Where the file is just as we left it, and so ends with a line end. */
  #sizeAsLeftBytes: number | undefined;

  constructor(folderPath: string) {
    this.#path = join(folderPath, uidListName);
    this.#lock = takeDotlock(`${this.#path}.lock`);
  }

  /** Reads as little as it can: most often one stat. */
  newsSince(row: MailboxRow): UidListNews {
    const seen = this.signature();
    if (seen === row.uidListSeen && seen !== "") {
      this.#sizeAsLeftBytes = Number(seen.split(":")[1]);
      return { kind: "none" };
    }
    const appended = this.#appendedSince(row, seen);
    if (appended !== undefined) return appended;
    const octets = readIfThere(this.#path);
    const list = octets === undefined ? undefined : parseUidList(octets);
    return list === undefined ? { kind: "lost" } : { kind: "replaced", list };
  }

  /** Gives what it then is: signature() without another look. */
  append(entries: readonly UidListEntry[]): {
    readonly signature: string;
    readonly sizeBytes: number;
  } {
    const file = openSync(this.#path, "r+", fileMode);
    try {
      const size = this.#sizeAsLeftBytes ?? fstatSync(file).size;
      const start = this.#sizeAsLeftBytes === undefined ? lineStart(file, size) : "";
      const octets = Buffer.from(start + entries.map(formatUidListLine).join(""));
      try {
        for (let at = 0; at < octets.length; ) {
          at += writeSync(file, octets, at, octets.length - at, size + at);
        }
      } catch (error) {
        ftruncateSync(file, size);
        throw error;
      }
      const stats = fstatSync(file, { bigint: true });
      return { signature: signatureOf(stats), sizeBytes: Number(stats.size) };
    } finally {
      closeSync(file);
    }
  }

  rewrite(row: MailboxRow, entries: Iterable<UidListEntry>): void {
    let text = formatUidListHeader(row);
    const given = this.#popUids(row.uidValidity);
    for (const entry of entries) {
      const popUid = entry.popUid ?? given.get(entry.uid);
      text += formatUidListLine(popUid === undefined ? entry : { ...entry, popUid });
    }
    replaceDurably(this.#path, text);
  }

  /** What it says now, if it is of this UIDVALIDITY. */
  entriesOf(uidValidity: number): readonly UidListEntry[] {
    const octets = readIfThere(this.#path);
    const list = octets === undefined ? undefined : parseUidList(octets);
    return list?.uidValidity === uidValidity ? list.entries : [];
  }

  /** Changes with every change of the file; empty when there is none. */
  signature(): string {
    return fileSignature(this.#path);
  }

  release(): void {
    this.#lock.release();
  }

  /** The index does not have them: they are kept from one file to the next. */
  #popUids(uidValidity: number): ReadonlyMap<number, string> {
    const octets = readIfThere(this.#path);
    return octets === undefined ? new Map() : popUidsIn(octets, uidValidity);
  }

  #appendedSince(row: MailboxRow, seen: string): UidListNews | undefined {
    const [inodeBefore, sizeBefore] = row.uidListSeen.split(":");
    const [inode, size] = seen.split(":");
    const from = Number(sizeBefore);
    const to = Number(size);
    if (!seen || inode !== inodeBefore || !(to > from)) return undefined;
    const octets = Buffer.alloc(to - from);
    const file = openSync(this.#path, "r");
    try {
      if (readSync(file, octets, 0, octets.length, from) !== octets.length) return undefined;
    } finally {
      closeSync(file);
    }
    const { entries, uidLast, damagedLines } = parseUidListLines(octets, row.uidNext - 1);
    if (damagedLines > 0) return undefined;
    return { kind: "appended", entries, uidNext: uidLast + 1 };
  }
}

/** A crash may have left half a line: ours must not become its end. */
function lineStart(file: number, size: number): string {
  const last = Buffer.alloc(1);
  if (size === 0 || readSync(file, last, 0, 1, size - 1) !== 1) return "";
  return last[0] === 0x0a ? "" : "\n";
}
