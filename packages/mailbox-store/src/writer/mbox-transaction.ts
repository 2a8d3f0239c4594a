import {
  closeSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  lstatSync,
  openSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import type { MessageRow } from "../index/rows.ts";
import { storedFlagBits, systemFlagsMask } from "../index/schema.ts";
import { errnoOf, fileMode, syncDirectory } from "../maildir/durable-file.ts";
import type { DirectoryTimes } from "../maildir/folder-files.ts";
import { whyNoLocks } from "../mbox/fcntl-lock.ts";
import { dateOfFromLine, formatFromLine } from "../mbox/from-line.ts";
import { blockEdit, formatBlock, internalEdits } from "../mbox/header-block.ts";
import { mboxJournalName, mboxMark, mboxName, mboxSignature } from "../mbox/mbox-folder.ts";
import { applyChange, type Edit, recover, sourceOf } from "../mbox/mbox-journal.ts";
import { type LockedMbox, lockForWriting, refuseWithoutLocks } from "../mbox/mbox-lock.ts";
import {
  octetsBetween,
  type ScannedMessage,
  scanMbox,
  servedSizeOf,
} from "../mbox/mbox-scanner.ts";
import { formatPlace, parsePlace } from "../mbox/message-place.ts";
import { type MboxBase, type MboxFlags, parseBase, parseFlags } from "../mbox/store-fields.ts";
import { type EncodingPlan, encodeStored, planEncoding } from "../mbox/stored-encoder.ts";
import { isKeyword } from "./keyword-table.ts";
import type { MailboxTransaction } from "./mailbox-transaction.ts";
import type { Transaction } from "./transaction.ts";

/** A message that waits to be written at the end of the mbox. */
interface PendingMessage {
  readonly path: string;
  readonly plan: EncodingPlan;
  readonly dateMs: number;
  readonly savedSeconds: number;
  flags: MboxFlags;
}

/** What the index is to know of a message that was appended. */
export interface AppendedToMbox {
  readonly uid: number;
  readonly sizeBytes: number;
  readonly internalMs: number;
  readonly saveMs: number;
  /** Whether it is served as it came: what was found in its octets then is so. */
  readonly isUnchanged: boolean;
}

/**
 * One mbox inside one transaction: locked from its first use to the end, so that no other program
 * writes meanwhile. Jobs say what is to be; the file is written once for all of them, before the index
 * commits (mbox-journal.ts has the crash table). A job that fails takes its wishes back.
 */
export class MboxTransaction {
  readonly #transaction: Transaction;
  readonly #mailbox: MailboxTransaction;
  readonly #path: string;
  readonly #journalPath: string;
  #locked: LockedMbox | undefined;
  #isReady = false;
  readonly #appended = new Map<number, PendingMessage>();
  readonly #flags = new Map<number, MboxFlags>();
  /** By UID, with the place in the file. */
  readonly #removed = new Map<number, string>();
  /** Size before this transaction appended anything. */
  #sizeBefore: number | undefined;
  /** What stood where something was written in place. */
  readonly #overwritten: Edit[] = [];
  #hasMoved = false;

  constructor(transaction: Transaction, mailbox: MailboxTransaction) {
    this.#transaction = transaction;
    this.#mailbox = mailbox;
    this.#path = join(mailbox.folderPath, mboxName);
    this.#journalPath = join(mailbox.folderPath, mboxJournalName);
  }

  /**
   * Locks it and takes in what other programs did. Once: what changes it from then on are we, and what is
   * wished for but not written yet would be taken for undone by others.
   */
  ready(): void {
    if (this.#isReady) return;
    this.#lock();
    if (mboxSignature(this.#path) !== this.#mailbox.row.newMtime) this.#readAll();
    this.#isReady = true;
  }

  /** The octets in `path` are wanted until the transaction ends. */
  append(path: string, internalMs: number, flags: MboxFlags): AppendedToMbox {
    this.ready();
    const uid = this.#mailbox.uidFor("");
    const plan = planFor(path);
    const dateMs = dateOfFromLine(internalMs);
    const savedSeconds = Math.floor(Date.now() / 1000);
    this.#appended.set(uid, { path, plan, dateMs, savedSeconds, flags });
    this.#transaction.onUndo(() => this.#forgetAppended(uid));
    return {
      uid,
      sizeBytes: plan.sizeBytes,
      internalMs: dateMs,
      saveMs: savedSeconds * 1000,
      isUnchanged: plan.droppedBytes === 0,
    };
  }

  setFlags(uid: number, flags: MboxFlags): void {
    this.ready();
    const pending = this.#appended.get(uid);
    if (pending !== undefined) {
      const before = pending.flags;
      pending.flags = flags;
      this.#transaction.onUndo(() => {
        pending.flags = before;
      });
      return;
    }
    const before = this.#flags.get(uid);
    this.#flags.set(uid, flags);
    this.#transaction.onUndo(() => {
      if (before === undefined) this.#flags.delete(uid);
      else this.#flags.set(uid, before);
    });
  }

  remove(uid: number, info: string): void {
    this.ready();
    const pending = this.#appended.get(uid);
    if (pending !== undefined) this.#appended.delete(uid);
    else this.#removed.set(uid, info);
    this.#transaction.onUndo(() => {
      if (pending !== undefined) this.#appended.set(uid, pending);
      else this.#removed.delete(uid);
    });
  }

  /** Messages that were appended are in the file, durably: what they are copies of may go. */
  writeAppended(): void {
    if (this.#appended.size === 0) return;
    const { fd } = this.#lock();
    const source = sourceOf(fd);
    this.#sizeBefore ??= source.sizeBytes;
    const [first] = scanMbox(source);
    const edits = first === undefined ? [] : this.#baseEdits(fd, first);
    const hasMoved = edits.some(isMoving);
    const change = { edits, appended: this.#octetsOfAppended(fd, first === undefined) };
    this.#noteOverwritten(fd, edits);
    applyChange(fd, this.#journalPath, change);
    this.#transaction.syncLater(this.#mailbox.folderPath);
    this.#appended.clear();
    this.#readPlaces(fd, hasMoved ? 0 : source.sizeBytes);
  }

  /** All that was wished for. */
  write(): void {
    // A scan writes what earlier jobs wished for before the transaction ends; what they moved from here
    // to another mbox has to be there first.
    if (this.#removed.size > 0) this.#transaction.writeAppended();
    this.writeAppended();
    if (this.#flags.size === 0 && this.#removed.size === 0) return;
    const { fd } = this.#lock();
    const edits = this.#edits(fd);
    if (this.#removed.size > 0) this.#transaction.keepFiles();
    this.#flags.clear();
    this.#removed.clear();
    const [first] = edits;
    if (first === undefined) return;
    this.#noteOverwritten(fd, edits);
    applyChange(fd, this.#journalPath, { edits, appended: undefined });
    this.#transaction.syncLater(this.#mailbox.folderPath);
    if (edits.some(isMoving)) this.#readPlaces(fd, 0);
  }

  /**
   * The index failed to commit: "unavailable" is to mean that nothing was done. What made messages move
   * about in the file cannot be taken back, and is found by the next scan.
   */
  takeBack(): void {
    if (this.#locked === undefined || this.#hasMoved) return;
    const { fd } = this.#locked;
    for (const { start, octets } of this.#overwritten.reverse()) {
      writeSync(fd, octets, 0, octets.length, start);
    }
    if (this.#sizeBefore !== undefined) ftruncateSync(fd, this.#sizeBefore);
    fsyncSync(fd);
  }

  release(): void {
    this.#isReady = false;
    this.#locked?.[Symbol.dispose]();
    this.#locked = undefined;
  }

  /** For the index: what the file was when the two agreed. */
  times(): DirectoryTimes {
    return { newMtime: mboxSignature(this.#path), curMtime: mboxMark, recordedMs: Date.now() };
  }

  /** Reads all of it also where nothing seems to have changed, with what earlier jobs wished for. */
  rescan(): void {
    if (whyNoLocks() === undefined) this.#lock();
    this.write();
    this.#readAll();
  }

  /** What the file and the index disagree about, as the beginning of a sentence. */
  *check(): Generator<string> {
    if (whyNoLocks() === undefined) this.#lock();
    this.write();
    const { statements } = this.#transaction;
    const { id } = this.#mailbox.row;
    const known = new Map<number, string>();
    for (const { uid, info } of statements.files.iterate(id)) known.set(uid, info);
    const fd = openSync(this.#path, "r");
    try {
      for (const message of scanMbox(sourceOf(fd))) {
        if (isInternal(message)) continue;
        const uid = uidOf(message) ?? 0;
        const place = known.get(uid);
        known.delete(uid);
        if (place === undefined) {
          yield `The index does not know the message at octet ${message.fromOffset}`;
        } else if (place !== formatPlace(message)) {
          yield `The message of UID ${uid} is at octet ${message.fromOffset} and not where the index says`;
        }
      }
    } finally {
      closeSync(fd);
    }
    for (const uid of known.keys()) yield `The message of UID ${uid} is gone`;
  }

  #lock(): LockedMbox {
    if (this.#locked === undefined) {
      refuseWithoutLocks(this.#path);
      this.#makeIfGone();
      this.#locked = lockForWriting(this.#path);
      if (recover(this.#locked.fd, this.#journalPath)) {
        this.#transaction.log(`Finished what was begun in "${this.#path}" before a crash`);
      }
    }
    return this.#locked;
  }

  /** Programs remove an mbox that has become empty. A link that leads nowhere is a disk that is not mounted. */
  #makeIfGone(): void {
    const stats = lstatSync(this.#path, { throwIfNoEntry: false });
    if (stats !== undefined) return;
    try {
      closeSync(openSync(this.#path, "wx", fileMode));
    } catch (error) {
      if (errnoOf(error) !== "EEXIST") throw error;
    }
    syncDirectory(this.#mailbox.folderPath);
  }

  #forgetAppended(uid: number): void {
    // It was written already, for a move that then failed.
    if (this.#appended.delete(uid) || this.#locked === undefined) return;
    const info = this.#transaction.statements.fileByKey.get(this.#mailbox.row.id, `${uid}`)?.info;
    this.#removed.set(uid, info ?? "");
  }

  #noteOverwritten(fd: number, edits: readonly Edit[]): void {
    const source = sourceOf(fd);
    this.#hasMoved ||= edits.some(isMoving);
    if (this.#hasMoved) return;
    for (const { start, end } of edits) {
      this.#overwritten.push({ start, end, octets: source.read(start, end - start) });
    }
  }

  *#octetsOfAppended(fd: number, isEmpty: boolean): Generator<Uint8Array> {
    let needsBase = isEmpty;
    yield separatorAtEnd(fd);
    for (const [uid, { path, plan, dateMs, savedSeconds, flags }] of this.#appended) {
      const block = formatBlock({
        base: needsBase ? this.#base() : undefined,
        uid,
        flags,
        contentLength: plan.contentLength,
        notes: {
          savedSeconds,
          bodyBytes: plan.bodyBytes,
          storedBytes: plan.contentLength,
          form: plan.form,
        },
      });
      needsBase = false;
      yield Buffer.from(formatFromLine(undefined, dateMs) + block);
      yield* encodeStored(octetsOfFile(path), plan.form);
      yield Buffer.from("\n");
    }
  }

  #base(): MboxBase {
    return {
      uidValidity: this.#mailbox.row.uidValidity,
      uidLast: this.#mailbox.row.uidNext - 1,
      keywords: this.#mailbox.keywords.all(),
    };
  }

  /** X-IMAPbase in the first message, where it does not say what is so. */
  #baseEdits(fd: number, first: ScannedMessage): Edit[] {
    if (first.fields.has("x-imap")) return internalEdits(sourceOf(fd), first, this.#base());
    const said = parseBase(first.fields.get("x-imapbase") ?? "");
    if (said !== undefined && isSameBase(said, this.#base())) return [];
    const edit = this.#headerEdit(fd, first, uidOf(first) ?? 0, parseFlags(first.fields), true);
    return edit === undefined ? [] : [edit];
  }

  #edits(fd: number): Edit[] {
    const edits: Edit[] = [];
    let mustHaveBase = true;
    for (const message of this.#concerned(fd)) {
      const uid = uidOf(message) ?? 0;
      if (isInternal(message)) edits.push(...this.#baseEdits(fd, message));
      else if (this.#removed.has(uid)) edits.push(removalOf(message));
      else {
        const flags = this.#flags.get(uid) ?? parseFlags(message.fields);
        const edit = this.#headerEdit(fd, message, uid, flags, mustHaveBase);
        if (edit !== undefined) edits.push(edit);
      }
      // The first that stays has it, also when one before it goes.
      if (isInternal(message) || !this.#removed.has(uid)) mustHaveBase = false;
    }
    return edits;
  }

  /** The messages down to the first that stays, then those that change; in the order of the file. */
  #concerned(fd: number): ScannedMessage[] {
    const source = sourceOf(fd);
    const found = new Map<number, ScannedMessage>();
    for (const message of scanMbox(source)) {
      found.set(message.fromOffset, message);
      if (isInternal(message) || !this.#removed.has(uidOf(message) ?? 0)) break;
    }
    for (const uid of [...this.#flags.keys(), ...this.#removed.keys()]) {
      const fromOffset = this.#placeOf(uid);
      if (fromOffset === undefined || found.has(fromOffset)) continue;
      const [message] = scanMbox(source, fromOffset);
      if (message !== undefined && uidOf(message) === uid) found.set(fromOffset, message);
    }
    return [...found.values()].sort((a, b) => a.fromOffset - b.fromOffset);
  }

  #placeOf(uid: number): number | undefined {
    const { statements } = this.#transaction;
    const info = statements.fileByKey.get(this.#mailbox.row.id, `${uid}`)?.info;
    return parsePlace(info ?? this.#removed.get(uid) ?? "")?.fromOffset;
  }

  #headerEdit(
    fd: number,
    message: ScannedMessage,
    uid: number,
    flags: MboxFlags,
    hasBase: boolean,
  ): Edit | undefined {
    return blockEdit(sourceOf(fd), message, {
      base: hasBase ? this.#base() : undefined,
      uid,
      flags,
      contentLength: message.hasLength ? message.bodyEnd - message.bodyOffset : undefined,
      notes: message.notes,
    });
  }

  #readPlaces(fd: number, start: number): void {
    const { statements } = this.#transaction;
    for (const message of scanMbox(sourceOf(fd), start)) {
      const uid = uidOf(message);
      if (uid === undefined) continue;
      const place = formatPlace(message);
      if (this.#removed.has(uid)) this.#removed.set(uid, place);
      else statements.updateInfo.run(place, this.#mailbox.row.id, `${uid}`);
    }
  }

  /**
   * Brings the index in line with the file. A message is known by its X-UID; one that the index does not
   * know, that is there twice or that has another size or date gets a new UID, which is written into it.
   */
  #readAll(): void {
    const fd = this.#locked?.fd ?? openSync(this.#path, "r");
    try {
      this.#readMessages(fd);
      if (this.#locked !== undefined && this.#newUids.size > 0) this.#writeNewUids(fd);
    } finally {
      if (this.#locked === undefined) closeSync(fd);
    }
    this.#mailbox.row.isScanned = 1;
    this.#mailbox.agree(this.times());
  }

  readonly #newUids = new Map<number, number>();

  #readMessages(fd: number): void {
    const { statements } = this.#transaction;
    const { row } = this.#mailbox;
    const source = sourceOf(fd);
    const missing = new Set<number>();
    this.#newUids.clear();
    let isFirst = true;
    let isKnownLife = true;
    /** UIDs from here on were given by another program, if by any. */
    let uidNextBefore = row.uidNext;
    const unknown: ScannedMessage[] = [];
    const taken = new Set<number>();
    for (const message of scanMbox(source)) {
      if (isFirst) {
        isFirst = false;
        const base = parseBase(
          message.fields.get("x-imap") ?? message.fields.get("x-imapbase") ?? "",
        );
        if (base !== undefined) {
          if (base.uidValidity !== row.uidValidity) this.#mailbox.beginAnew(base.uidValidity);
          isKnownLife = row.isScanned === 1;
          uidNextBefore = row.uidNext;
          if (base.uidLast >= row.uidNext) row.uidNext = base.uidLast + 1;
        } else isKnownLife = row.isScanned === 1;
        for (const { uid } of statements.files.iterate(row.id)) missing.add(uid);
        if (isInternal(message)) continue;
      }
      const uid = uidOf(message);
      const isFree = uid !== undefined && uid < row.uidNext && !taken.has(uid);
      const known = isFree ? statements.message.get(row.id, uid) : undefined;
      if (isFree && known !== undefined && known.internalMs === message.dateMs) {
        taken.add(uid);
        missing.delete(uid);
        this.#update(known, message);
      } else if (isFree && known === undefined && (!isKnownLife || uid >= uidNextBefore)) {
        taken.add(uid);
        this.#insert(source, message, uid);
      } else unknown.push(message);
    }
    if (isFirst) for (const { uid } of statements.files.iterate(row.id)) missing.add(uid);
    this.#mailbox.forget([...missing]);
    for (const message of unknown) {
      const uid = this.#mailbox.uidFor("");
      this.#newUids.set(message.fromOffset, uid);
      this.#insert(source, message, uid);
    }
  }

  /** Into the messages that other programs put there. */
  #writeNewUids(fd: number): void {
    const edits: Edit[] = [];
    let isFirst = true;
    for (const message of scanMbox(sourceOf(fd))) {
      const uid = this.#newUids.get(message.fromOffset);
      const mustHaveBase = isFirst && !isInternal(message);
      if (uid !== undefined) {
        const edit = this.#headerEdit(fd, message, uid, parseFlags(message.fields), mustHaveBase);
        if (edit !== undefined) edits.push(edit);
      } else if (isFirst) edits.push(...this.#baseEdits(fd, message));
      isFirst = false;
    }
    this.#newUids.clear();
    applyChange(fd, this.#journalPath, { edits, appended: undefined });
    this.#transaction.syncLater(this.#mailbox.folderPath);
    this.#readPlaces(fd, 0);
  }

  #insert(source: ReturnType<typeof sourceOf>, message: ScannedMessage, uid: number): void {
    const { statements } = this.#transaction;
    const { row } = this.#mailbox;
    const { flags, keywordSet } = this.#rowFlags(message);
    const saveMs = message.notes === undefined ? message.dateMs : message.notes.savedSeconds * 1000;
    statements.insertMessage.run(
      row.id,
      uid,
      flags,
      keywordSet,
      this.#mailbox.modSeq(),
      servedSizeOf(source, message),
      message.dateMs,
      saveMs,
    );
    statements.insertFile.run(row.id, `${uid}`, uid, formatPlace(message));
  }

  #update(known: MessageRow, message: ScannedMessage): void {
    const { statements } = this.#transaction;
    const { row } = this.#mailbox;
    const { flags, keywordSet } = this.#rowFlags(message);
    const visible = ~storedFlagBits.isNew;
    const hasChanged =
      (flags & visible) !== (known.flags & visible) || keywordSet !== known.keywordSet;
    if (hasChanged || flags !== known.flags) {
      const modSeq = hasChanged ? this.#mailbox.modSeq() : known.modSeq;
      statements.updateFlags.run(flags, keywordSet, modSeq, row.id, known.uid);
    }
    const place = formatPlace(message);
    if (place !== known.info) statements.updateInfo.run(place, row.id, known.key);
  }

  #rowFlags(message: ScannedMessage): { readonly flags: number; readonly keywordSet: number } {
    const { systemFlags, isRecent, keywords } = parseFlags(message.fields);
    const positions = this.#mailbox.keywords.positionsIfAllowed(keywords.filter(isKeyword));
    return {
      flags: (systemFlags & systemFlagsMask) | (isRecent ? storedFlagBits.isNew : 0),
      keywordSet: this.#mailbox.keywords.setOf(positions),
    };
  }
}

function uidOf(message: ScannedMessage): number | undefined {
  const digits = message.fields.get("x-uid")?.trim() ?? "";
  const uid = /^\d{1,10}$/.test(digits) ? Number(digits) : 0;
  return uid >= 1 && uid <= 0xffff_ffff ? uid : undefined;
}

/** c-client's own first message, which is no one's mail. */
function isInternal(message: ScannedMessage): boolean {
  return message.fromOffset === 0 && message.fields.has("x-imap");
}

function isSameBase(said: MboxBase, base: MboxBase): boolean {
  return (
    said.uidValidity === base.uidValidity &&
    said.uidLast === base.uidLast &&
    base.keywords.every((keyword) => said.keywords.includes(keyword))
  );
}

function isMoving({ start, end, octets }: Edit): boolean {
  return octets.length !== end - start;
}

function removalOf(message: ScannedMessage): Edit {
  return { start: message.fromOffset, end: message.nextOffset, octets: Buffer.alloc(0) };
}

function planFor(path: string): EncodingPlan {
  return planEncoding(octetsOfFile(path));
}

function* octetsOfFile(path: string): Generator<Uint8Array> {
  const fd = openSync(path, "r");
  try {
    yield* octetsBetween(sourceOf(fd), 0, fstatSync(fd).size);
  } finally {
    closeSync(fd);
  }
}

/** What is missing at the end so that a From_ line begins after an empty one. */
function separatorAtEnd(fd: number): Uint8Array {
  const source = sourceOf(fd);
  const tail = Buffer.from(source.read(Math.max(source.sizeBytes - 2, 0), 2)).toString("latin1");
  if (source.sizeBytes === 0 || /\n\r?\n$/.test(tail)) return Buffer.alloc(0);
  return Buffer.from(tail.endsWith("\n") ? "\n" : "\n\n");
}
