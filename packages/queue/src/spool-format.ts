import { crc32 } from "node:zlib";
import type { Envelope } from "@posthouse/smtp/envelope";
import { type Outcome, parseOutcome } from "./outcome.ts";
import { parseEnvelope } from "./parse-envelope.ts";
import { SpoolDamaged } from "./spool-damaged.ts";

/**
 * One file of the spool, field by field.
 *
 *   octets          what
 *   0  to 63        the header, one line of ASCII filled up with spaces, ended by LF:
 *                   "posthouse-spool" SP version SP messageBytes (15 digits) SP CRC-32 of the message (8 hex)
 *   64 to 64+n-1    the message, exactly the octets that were accepted (n = messageBytes)
 *   64+n to end     records, each: LF, CRC-32 of the JSON (8 hex), SP, one JSON object, LF
 *
 * The envelope is the first record and not in front of the message, since it is complete only when
 * the message has been received: so a message is streamed to disk once and never moved.
 *
 * Each record begins with LF: the torn record of a writer that died ends there, and its line is
 * skipped because its checksum is wrong. So records are appended with one write(2) and never mended.
 *
 * Version rule: the version rises when a reader of the old one would do something wrong with the
 * file. A reader refuses a version that it does not know, and leaves the file alone. Fields and kinds
 * of records may be added without a new version: a reader skips those that it does not know.
 */
const SPOOL_VERSION = 1;
export const HEADER_BYTES = 64;

const MAGIC = "posthouse-spool";
const headerPattern = /^posthouse-spool (\d{1,4}) (\d{15}) ([0-9a-f]{8}) *\n$/;

export interface SpoolHeader {
  readonly messageBytes: number;
  readonly messageCrc: number;
}

/** What is appended to an entry. Recipients are meant by their place in the last envelope. */
export type SpoolRecord =
  /** The first one is from commit(); one more when release() left some recipients out. */
  | { readonly type: "envelope"; readonly envelope: Envelope }
  /** These recipients are done with, for good. */
  | { readonly type: "outcome"; readonly atMs: number; readonly outcomes: readonly Outcome[] }
  /** A notification about these recipients is in the queue, or was found not to be wanted. */
  | {
      readonly type: "notified";
      readonly atMs: number;
      readonly about: "final" | "delay";
      readonly recipients: readonly number[];
    }
  /** The administrator stopped the entry, or a rule of his by that name, or he let it go on. */
  | { readonly type: "hold"; readonly atMs: number; readonly rule?: string }
  | { readonly type: "resume"; readonly atMs: number }
  /** Not before `untilMs`, whatever the envelope says. */
  | { readonly type: "schedule"; readonly atMs: number; readonly untilMs: number };

export function formatHeader({ messageBytes, messageCrc }: SpoolHeader): Buffer {
  const length = String(messageBytes).padStart(15, "0");
  const line = `${MAGIC} ${SPOOL_VERSION} ${length} ${hex(messageCrc)}`;
  return Buffer.from(`${line.padEnd(HEADER_BYTES - 1)}\n`, "latin1");
}

/** Throws SpoolDamaged when these are not the first 64 octets of a spool file. */
export function parseHeader(octets: Uint8Array): SpoolHeader {
  const match = headerPattern.exec(latin1(octets.subarray(0, HEADER_BYTES)));
  if (match === null || octets.length < HEADER_BYTES) {
    throw new SpoolDamaged("It does not begin with the header of a queue file");
  }
  const [, version = "", messageBytes = "", crc = ""] = match;
  if (Number(version) !== SPOOL_VERSION) {
    throw new SpoolDamaged(`It is of version ${version}, and this program knows ${SPOOL_VERSION}`);
  }
  return { messageBytes: Number(messageBytes), messageCrc: Number.parseInt(crc, 16) };
}

export function formatRecord(record: SpoolRecord): Buffer {
  const json = Buffer.from(JSON.stringify(record), "utf8");
  return Buffer.concat([Buffer.from(`\n${hex(crc32(json))} `, "latin1"), json, LF]);
}

/** All whole records of a file's tail; what is torn or unknown is left out. Never throws. */
export function parseRecords(tail: Uint8Array): SpoolRecord[] {
  const octets = Buffer.from(tail.buffer, tail.byteOffset, tail.byteLength);
  const records: SpoolRecord[] = [];
  for (let start = 0; start < octets.length; ) {
    const lineEnd = octets.indexOf(0x0a, start);
    const end = lineEnd === -1 ? octets.length : lineEnd;
    const record = parseLine(octets.subarray(start, end));
    if (record !== undefined) records.push(record);
    start = end + 1;
  }
  return records;
}

const LF = Buffer.from("\n");

function parseLine(line: Buffer): SpoolRecord | undefined {
  const json = line.subarray(9);
  if (line.length < 10 || latin1(line.subarray(0, 9)) !== `${hex(crc32(json))} `) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(json.toString("utf8"));
  } catch {
    return undefined;
  }
  return typeof value === "object" && value !== null ? readRecord({ ...value }) : undefined;
}

function readRecord(fields: Record<string, unknown>): SpoolRecord | undefined {
  if (fields.type === "envelope") {
    const envelope = parseEnvelope(fields.envelope);
    return envelope && { type: "envelope", envelope };
  }
  const { atMs } = fields;
  if (!isCount(atMs)) return undefined;
  switch (fields.type) {
    case "outcome": {
      const outcomes = listOf(fields.outcomes, parseOutcome);
      return outcomes && { type: "outcome", atMs, outcomes };
    }
    case "notified": {
      const recipients = listOf(fields.recipients, (n) => (isCount(n) ? n : undefined));
      const about = fields.about === "delay" ? "delay" : "final";
      return recipients && { type: "notified", atMs, about, recipients };
    }
    case "hold":
      return { type: "hold", atMs, ...(typeof fields.rule === "string" && { rule: fields.rule }) };
    case "resume":
      return { type: "resume", atMs };
    case "schedule":
      return isCount(fields.untilMs)
        ? { type: "schedule", atMs, untilMs: fields.untilMs }
        : undefined;
    default:
      return undefined;
  }
}

function listOf<T>(value: unknown, parse: (item: unknown) => T | undefined): T[] | undefined {
  if (!Array.isArray(value)) return undefined;
  return value.map(parse).filter((item) => item !== undefined);
}

const isCount = (value: unknown): value is number =>
  Number.isSafeInteger(value) && Number(value) >= 0;
const hex = (crc: number): string => crc.toString(16).padStart(8, "0");
const latin1 = (octets: Uint8Array): string => Buffer.from(octets).toString("latin1");
