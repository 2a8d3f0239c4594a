import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { AccountState } from "./account-state.ts";
import { readFileSignature } from "./maildir/file-signature.ts";
import {
  emptySeenFile,
  lastModSeq,
  parseSeenFile,
  type SeenFile,
  seenFileName,
} from "./maildir/seen-file.ts";
import type { SharedMailbox } from "./shared-mailbox.ts";
import { type MessageColumns, systemFlagBits, type UidSet } from "./types.ts";

/**
 * A mailbox as one user sees it who does not own it: \Seen is the user's own, and a message has the modseq of
 * whatever changed last, its other flags or this. Both sorts of modseq come from the mailbox's one counter.
 */
export class SeenOfUser {
  readonly user: string;
  readonly #account: AccountState;
  readonly #mailbox: SharedMailbox;
  #file: SeenFile;
  #signature = "";
  #shown: { from: MessageColumns; file: SeenFile; columns: MessageColumns } | undefined;

  constructor(account: AccountState, mailbox: SharedMailbox, user: string) {
    this.#account = account;
    this.#mailbox = mailbox;
    this.user = user;
    this.#file = emptySeenFile(mailbox.state.uidValidity);
  }

  /** Brings it up to the file. */
  async sync(): Promise<void> {
    const path = join(
      this.#account.folderPath(this.#mailbox.state.folder),
      seenFileName(this.user),
    );
    const signature = await readFileSignature(path);
    if (signature === this.#signature) return;
    const octets = await readFile(path).catch(() => undefined);
    this.#file = (octets && parseSeenFile(octets)) ?? emptySeenFile(0);
    this.#signature = signature;
    if (lastModSeq(this.#file) <= this.#mailbox.state.highestModSeq) return;
    // A process died between the file and its commit: no modseq may be given out twice.
    const { guid } = this.#mailbox;
    await this.#account.run("setSeen", { guid, user: this.user, uids: [], isSeen: true });
    await this.#mailbox.refresh();
  }

  /** The same object as long as nothing changes. */
  get columns(): MessageColumns {
    const from = this.#mailbox.columns;
    const file = this.#file;
    if (this.#shown?.from === from && this.#shown.file === file) return this.#shown.columns;
    const isOfThisLife = file.uidValidity === this.#mailbox.state.uidValidity;
    const columns = overlaid(from, isOfThisLife ? file : emptySeenFile(0));
    this.#shown = { from, file, columns };
    return columns;
  }
}

function overlaid(columns: MessageColumns, { seen, changes }: SeenFile): MessageColumns {
  const bit = systemFlagBits["\\Seen"];
  const systemFlags = columns.systemFlags.map((bits) => bits & ~bit);
  for (const row of rowsIn(columns.uids, seen)) systemFlags[row] = (systemFlags[row] ?? 0) | bit;
  const modSeqs = columns.modSeqs.slice();
  for (const { modSeq, uids } of changes) {
    for (const row of rowsIn(columns.uids, uids)) {
      modSeqs[row] = Math.max(modSeqs[row] ?? 0, modSeq);
    }
  }
  const { length, uids, keywordSet, keywordSets } = columns;
  const { sizes, internalDatesMs, saveDatesMs } = columns;
  const flags = { systemFlags, keywordSet, keywordSets, modSeqs };
  return { length, uids, ...flags, sizes, internalDatesMs, saveDatesMs };
}

/** Rows of the UIDs in an ordered set; ranges are searched for and not walked. */
function* rowsIn(uids: Uint32Array, set: UidSet): Generator<number> {
  for (const { first, last } of set) {
    for (let row = firstNotBelow(uids, first); (uids[row] ?? Infinity) <= last; row += 1) yield row;
  }
}

function firstNotBelow(uids: Uint32Array, uid: number): number {
  let low = 0;
  let high = uids.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((uids[middle] ?? 0) < uid) low = middle + 1;
    else high = middle;
  }
  return low;
}
