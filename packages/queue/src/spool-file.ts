import { closeSync, constants, openSync, readSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { crc32 } from "node:zlib";
import type { Envelope } from "@posthouse/smtp/envelope";
import { limits } from "./limits.ts";
import type { Outcome } from "./outcome.ts";
import { SpoolDamaged } from "./spool-damaged.ts";
import {
  formatRecord,
  HEADER_BYTES,
  parseHeader,
  parseRecords,
  type SpoolRecord,
} from "./spool-format.ts";

/** One entry as its file tells it: the truth, whatever the index says. */
export interface SpoolEntry {
  readonly envelope: Envelope;
  readonly messageBytes: number;
  /** Recipients that are done with, by their place in the envelope. */
  readonly outcomes: ReadonlyMap<number, Outcome>;
  /** Recipients of whose end the sender was told. */
  readonly notified: ReadonlySet<number>;
  /** Recipients of whose delay the sender was told. */
  readonly warned: ReadonlySet<number>;
  /** The administrator stopped it, or a rule of his. */
  readonly isHeld: boolean;
  /** The rule that stopped it; absent when he did so himself. */
  readonly heldBy?: string;
  /** He let it go on: no rule stops it again. */
  readonly isResumed: boolean;
  /** The message, as it was accepted. Each call opens the file anew, unless it is small. */
  octets(): AsyncGenerator<Buffer>;
  /** False when the message is not what was accepted: the disk lost or changed octets. */
  isMessageWhole(): Promise<boolean>;
}

/** Throws SpoolDamaged when it is no entry, and the error of the file system when it is not there. */
export async function readSpoolFile(path: string): Promise<SpoolEntry> {
  const first = readBeginning(path);
  if (first.length < limits.wholeFileBytesMax) return entryFrom(first);
  const header = parseHeader(first);
  const file = await open(path, constants.O_RDONLY);
  try {
    const { size } = await file.stat();
    const tailStart = HEADER_BYTES + header.messageBytes;
    if (size < tailStart) throw new SpoolDamaged("It is shorter than its header says");
    if (size - tailStart > limits.tailBytesMax) {
      throw new SpoolDamaged("Its records are larger than any that this program writes");
    }
    const records = parseRecords(await readRange(file, tailStart, size - tailStart));
    return {
      ...foldRecords(records),
      messageBytes: header.messageBytes,
      octets: () => readMessage(path, header.messageBytes),
      isMessageWhole: async () => {
        let crc = 0;
        for await (const chunk of readMessage(path, header.messageBytes)) crc = crc32(chunk, crc);
        return crc === header.messageCrc;
      },
    };
  } finally {
    await file.close();
  }
}

/** Used over and over: a fresh one for each file is what the collector of garbage runs for. */
const beginning = Buffer.allocUnsafeSlow(limits.wholeFileBytesMax);

/**
 * Most files are small, and then one read(2) has it all. Here and not in the thread pool: a file of the queue was
 * written a moment ago as a rule, three calls take some microseconds then, and the pool takes ten times as much of
 * the processor for them.
 */
function readBeginning(path: string): Buffer {
  const file = openSync(path, constants.O_RDONLY);
  try {
    return Buffer.from(beginning.subarray(0, readSync(file, beginning, 0, beginning.length, 0)));
  } finally {
    closeSync(file);
  }
}

function entryFrom(octets: Buffer): SpoolEntry {
  const { messageBytes, messageCrc } = parseHeader(octets);
  const tailStart = HEADER_BYTES + messageBytes;
  if (octets.length < tailStart) throw new SpoolDamaged("It is shorter than its header says");
  const message = octets.subarray(HEADER_BYTES, tailStart);
  return {
    ...foldRecords(parseRecords(octets.subarray(tailStart))),
    messageBytes,
    octets: async function* () {
      if (message.length > 0) yield message;
    },
    isMessageWhole: () => Promise.resolve(crc32(message) === messageCrc),
  };
}

/** Durable when it resolves. One write(2) at the end: two processes cannot mix their records. */
export async function appendRecord(path: string, record: SpoolRecord): Promise<void> {
  const octets = formatRecord(record);
  const file = await open(path, constants.O_WRONLY | constants.O_APPEND);
  try {
    const { bytesWritten } = await file.write(octets);
    if (bytesWritten !== octets.length) throw new Error("The disk is full");
    await file.datasync();
  } finally {
    await file.close();
  }
}

/** What all records of one entry say together. Throws SpoolDamaged without a readable envelope. */
export function foldRecords(records: readonly SpoolRecord[]) {
  let envelope: Envelope | undefined;
  let isHeld = false;
  let heldBy: string | undefined;
  let isResumed = false;
  let scheduledMs: number | undefined;
  const outcomes = new Map<number, Outcome>();
  const notified = new Set<number>();
  const warned = new Set<number>();
  for (const record of records) {
    switch (record.type) {
      case "envelope":
        envelope = record.envelope;
        break;
      case "outcome":
        for (const outcome of record.outcomes) outcomes.set(outcome.recipient, outcome);
        break;
      case "notified":
        for (const n of record.recipients) (record.about === "delay" ? warned : notified).add(n);
        break;
      case "schedule":
        scheduledMs = record.untilMs;
        break;
      case "hold":
        isHeld = true;
        heldBy = record.rule;
        break;
      case "resume":
        isHeld = false;
        heldBy = undefined;
        isResumed = true;
    }
  }
  if (envelope === undefined) throw new SpoolDamaged("It holds no envelope that can be read");
  if (scheduledMs !== undefined) envelope = { ...envelope, holdUntilMs: scheduledMs };
  const stopped = { isHeld, isResumed, ...(heldBy !== undefined && { heldBy }) };
  return { envelope, ...stopped, outcomes, notified, warned };
}

async function* readMessage(path: string, messageBytes: number): AsyncGenerator<Buffer> {
  const file = await open(path, constants.O_RDONLY);
  try {
    for (let done = 0; done < messageBytes; ) {
      const length = Math.min(limits.readBytes, messageBytes - done);
      const chunk = await readRange(file, HEADER_BYTES + done, length);
      yield chunk;
      done += chunk.length;
    }
  } finally {
    await file.close();
  }
}

async function readRange(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const octets = Buffer.allocUnsafe(length);
  for (let done = 0; done < length; ) {
    const { bytesRead } = await file.read(octets, done, length - done, position + done);
    if (bytesRead === 0) throw new SpoolDamaged("It ends before it should");
    done += bytesRead;
  }
  return octets;
}
