import type { SelectedMailbox } from "../selected-mailbox.ts";
import { keyedMessages } from "../sort/keyed-messages.ts";
import { sentDates } from "../sort/sort-messages.ts";

/** What THREAD knows of the messages that were found; row i of every column is one, in mailbox order. */
export interface ThreadedMessages {
  readonly length: number;
  readonly sentMs: Float64Array;
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
  const messages = await keyedMessages(selected, uids, pace);
  const { keys, rows } = messages;
  const subject = keys.text("subject");
  await subject.read(selected.mailbox, keys, pace);
  await keys.thread.read(selected.mailbox, keys, pace);
  const { thread } = keys;
  const { length } = rows;
  const sentMs = await sentDates(selected, messages, pace);
  const subjects = new Uint32Array(length);
  const isReply = new Uint8Array(length);
  const messageIds = new Uint32Array(2 * length);
  const referencesStart = new Uint32Array(length);
  const referencesCount = new Uint32Array(length);
  for (let at = 0; at < length; at += 1) {
    const row = rows[at] as number;
    subjects[at] = subject.numbers[row] as number;
    isReply[at] = thread.isReply[row] as number;
    messageIds[2 * at] = thread.messageIds[2 * row] as number;
    messageIds[2 * at + 1] = thread.messageIds[2 * row + 1] as number;
    referencesStart[at] = thread.referencesStart[row] as number;
    referencesCount[at] = thread.referencesCount[row] as number;
    if (at % 4096 === 0) await pace();
  }
  return {
    length,
    sentMs,
    subjects,
    subjectCount: subject.texts.count,
    isReply,
    messageIds,
    references: thread.references.numbers,
    referencesStart,
    referencesCount,
  };
}
