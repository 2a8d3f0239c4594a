import type { Uid } from "@posthouse/mailbox-store";
import { limits } from "../limits.ts";
import { indexOf } from "../mailbox-view.ts";
import type { SelectedMailbox } from "../selected-mailbox.ts";
import { TextRanks } from "../sort/ranks.ts";
import { sentDates } from "../sort/sort-messages.ts";

/** What THREAD knows of the messages that were found; row i of every column is one, in mailbox order. */
export interface ThreadedMessages {
  readonly length: number;
  readonly sentMs: Float64Array;
  readonly internalMs: Float64Array;
  /** Equal for the same base subject; 0 for none. */
  readonly subjects: Uint32Array;
  readonly subjectCount: number;
  readonly isReply: Uint8Array;
  /** Two numbers each; both 0 for a message without. */
  readonly messageIds: Uint32Array;
  /** Two numbers each, of all messages; those of row i are from referencesStart[i] on. */
  readonly references: Uint32Array;
  readonly referencesStart: Uint32Array;
  readonly referencesCount: Uint32Array;
}

/** Reads them for messages that are given ascending. */
export async function readThreadedMessages(
  selected: SelectedMailbox,
  uids: Uint32Array,
  pace: () => Promise<void>,
): Promise<ThreadedMessages> {
  const { length } = uids;
  const texts = new TextRanks();
  const subjects = new Uint32Array(length);
  const isReply = new Uint8Array(length);
  const messageIds = new Uint32Array(length * 2);
  const references = new GrowingIds();
  const referencesStart = new Uint32Array(length);
  const referencesCount = new Uint32Array(length);
  const keys = selected.mailbox.sortKeys([...uids] as Uid[], [
    "subject",
    "isReply",
    "messageId",
    "references",
  ]);
  for await (const batch of keys) {
    for (const [uid, subject, reply, messageId, ids] of batch) {
      const row = indexOf(uids, uid);
      if (row === undefined) continue;
      subjects[row] = texts.number(subject);
      isReply[row] = reply;
      if (messageId !== null) {
        const octets = Buffer.from(messageId.buffer, messageId.byteOffset, messageId.length);
        messageIds[2 * row] = octets.readUInt32BE(0);
        messageIds[2 * row + 1] = octets.readUInt32BE(4);
      }
      referencesStart[row] = references.length;
      if (ids !== null) referencesCount[row] = references.add(ids);
    }
    await pace();
  }
  const internalMs = new Float64Array(length);
  const { view } = selected;
  for (const [row, uid] of uids.entries()) {
    const at = view.columns.uids[row] === uid ? row : indexOf(view.columns.uids, uid);
    if (at !== undefined) internalMs[row] = view.columns.internalDatesMs[at] ?? 0;
    if (row % 1024 === 0) await pace();
  }
  return {
    length,
    sentMs: await sentDates(selected, uids, pace),
    internalMs,
    subjects,
    subjectCount: texts.count,
    isReply,
    messageIds,
    references: references.numbers,
    referencesStart,
    referencesCount,
  };
}

/** Identifiers of many messages in one array. */
class GrowingIds {
  #numbers = new Uint32Array(1024);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  get numbers(): Uint32Array {
    return this.#numbers.subarray(0, 2 * this.#length);
  }

  /** Gives how many were taken: beyond the bound only the last, which is the parent. */
  add(octets: Uint8Array): number {
    const all = Math.floor(octets.length / 8);
    const count = this.#length + all > limits.threadReferencesMax ? 1 : all;
    if (2 * (this.#length + count) > this.#numbers.length) this.#grow(count);
    const source = Buffer.from(octets.buffer, octets.byteOffset, octets.length);
    for (let at = all - count; at < all; at += 1) {
      this.#numbers[2 * this.#length] = source.readUInt32BE(8 * at);
      this.#numbers[2 * this.#length + 1] = source.readUInt32BE(8 * at + 4);
      this.#length += 1;
    }
    return count;
  }

  #grow(count: number): void {
    const longer = new Uint32Array(2 * Math.max(this.#numbers.length, 2 * count));
    longer.set(this.#numbers);
    this.#numbers = longer;
  }
}
