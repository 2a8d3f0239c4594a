import { limits } from "../limits.ts";
import { fromLineOctetsMax, parseFromLine } from "./from-line.ts";
import {
  fieldNameOctetsMax,
  type OwnNotes,
  parseOwnNotes,
  plainForm,
  type StoredForm,
  type StoreField,
  storeFieldOf,
} from "./store-fields.ts";
import { StoredDecoder } from "./stored-octets.ts";

/** Octets that can be read anywhere: an open file, or a buffer in tests. */
export interface OctetSource {
  readonly sizeBytes: number;
  /** At most `length` octets from `offset` on; fewer only at the end. */
  read(offset: number, length: number): Uint8Array;
}

/** Where a message is and what its fields say. Offsets count from the beginning of the file. */
export interface ScannedMessage {
  readonly fromOffset: number;
  readonly headerOffset: number;
  readonly bodyOffset: number;
  readonly bodyEnd: number;
  /** The next From_ line, or the end of the file. */
  readonly nextOffset: number;
  readonly dateMs: number;
  readonly fields: ReadonlyMap<StoreField, string>;
  readonly notes: OwnNotes | undefined;
  readonly form: StoredForm;
  /** A Content-Length that ends where a message can end. */
  readonly hasLength: boolean;
  /** Whether an empty line ended the header. */
  readonly hasHeaderEnd: boolean;
}

const LF = 0x0a;
const CR = 0x0d;
const fromAtLine = Buffer.from("\nFrom ");

/**
 * The messages of an mbox from `start` on, where a From_ line is or the file begins; what stands before
 * the first From_ line belongs to none. Any octets are an mbox of some messages: this never throws.
 * Memory is one window of the file.
 *
 * A Content-Length that ends at a From_ line or at the end of the file is believed, and the body then is
 * what stands there, as for Dovecot. Otherwise the body ends before the next From_ line, less the empty
 * line between them, and is taken as mboxrd.
 */
export function* scanMbox(source: OctetSource, start = 0): Generator<ScannedMessage> {
  const window = new Window(source);
  let at = firstFromLine(window, start);
  while (at < source.sizeBytes) {
    const message = scanMessage(window, at);
    yield message;
    at = message.nextOffset;
  }
}

/** RFC822.SIZE: the body's share is noted where the message is ours, else it is counted. */
export function servedSizeOf(source: OctetSource, message: ScannedMessage): number {
  const { notes, headerOffset, bodyOffset, bodyEnd } = message;
  const isNoted = message.hasLength && notes?.storedBytes === bodyEnd - bodyOffset;
  const decoder = new StoredDecoder(message.form);
  let sizeBytes = 0;
  for (const octets of octetsBetween(source, headerOffset, isNoted ? bodyOffset : bodyEnd)) {
    sizeBytes += decoder.convert(octets).length;
  }
  return sizeBytes + decoder.end().length + (isNoted ? notes.bodyBytes : 0);
}

export function* octetsBetween(
  source: OctetSource,
  start: number,
  end: number,
): Generator<Uint8Array> {
  for (let at = start; at < end; ) {
    const octets = source.read(at, Math.min(limits.readChunkBytes, end - at));
    if (octets.length === 0) return;
    at += octets.length;
    yield octets;
  }
}

function firstFromLine(window: Window, start: number): number {
  if (fromLineAt(window, start) !== undefined) return start;
  return nextFromLine(window, start);
}

function scanMessage(window: Window, fromOffset: number): ScannedMessage {
  const headerOffset = window.lineEnd(fromOffset);
  const header = scanHeader(window, headerOffset);
  const { fields, bodyOffset, hasHeaderEnd } = header;
  const notes = parseOwnNotes(fields.get("x-posthouse-mbox") ?? "");
  const measured = hasHeaderEnd
    ? endByLength(window, bodyOffset, fields.get("content-length"))
    : undefined;
  const { bodyEnd, nextOffset } = measured ?? endByFromLine(window, bodyOffset, hasHeaderEnd);
  const form = notes?.form ?? plainForm;
  return {
    fromOffset,
    headerOffset,
    bodyOffset,
    bodyEnd,
    nextOffset,
    dateMs: fromLineAt(window, fromOffset)?.dateMs ?? 0,
    fields,
    notes,
    form: measured === undefined ? { ...form, isQuoted: true } : form,
    hasLength: measured !== undefined,
    hasHeaderEnd,
  };
}

/** The first of each store field counts. */
function scanHeader(
  window: Window,
  headerOffset: number,
): { fields: Map<StoreField, string>; bodyOffset: number; hasHeaderEnd: boolean } {
  const fields = new Map<StoreField, string>();
  let field: StoreField | undefined;
  let at = headerOffset;
  while (at < window.sizeBytes) {
    const end = window.lineEnd(at);
    const start = window.slice(at, Math.min(fieldNameOctetsMax + 1, end - at));
    if (start[0] === LF || (start[0] === CR && start[1] === LF && end - at === 2)) {
      return { fields, bodyOffset: end, hasHeaderEnd: true };
    }
    if (start[0] === fromAtLine[1] && fromLineAt(window, at) !== undefined) break;
    const isContinuation = start[0] === 0x20 || start[0] === 0x09;
    if (!isContinuation) {
      const found = storeFieldOf(start);
      field = found === undefined || fields.has(found) ? undefined : found;
    }
    if (field !== undefined) {
      const line = window.slice(at, Math.min(end - at, fieldOctetsMax));
      const text = Buffer.from(line).toString("utf8").trimEnd();
      const value = isContinuation
        ? ` ${text.trimStart()}`
        : text.slice(text.indexOf(":") + 1).trimStart();
      fields.set(field, (fields.get(field) ?? "") + value);
    }
    at = end;
  }
  return { fields, bodyOffset: at, hasHeaderEnd: false };
}

/** Of one line of a store field; more keywords than fit are lost. */
const fieldOctetsMax = 64 * 1024;

interface BodyEnd {
  readonly bodyEnd: number;
  readonly nextOffset: number;
}

/** undefined where the length is none, or ends neither at the end of the file nor before a From_ line. */
function endByLength(
  window: Window,
  bodyOffset: number,
  length: string | undefined,
): BodyEnd | undefined {
  if (length === undefined || !/^\d{1,15}$/.test(length.trim())) return undefined;
  const bodyEnd = bodyOffset + Number(length);
  if (bodyEnd > window.sizeBytes) return undefined;
  let at = bodyEnd;
  // One empty line is the rule; none, or some, is what other programs leave.
  for (let lines = 0; lines < 16 && at < window.sizeBytes; lines += 1) {
    const octets = window.slice(at, 2);
    if (octets[0] === LF) at += 1;
    else if (octets[0] === CR && octets[1] === LF) at += 2;
    else break;
  }
  const isAtLineStart =
    at > bodyEnd || bodyEnd === bodyOffset || window.slice(bodyEnd - 1, 1)[0] === LF;
  const isEnd = at === window.sizeBytes || (isAtLineStart && fromLineAt(window, at) !== undefined);
  return isEnd ? { bodyEnd, nextOffset: at } : undefined;
}

function endByFromLine(window: Window, bodyOffset: number, hasHeaderEnd: boolean): BodyEnd {
  if (!hasHeaderEnd) return { bodyEnd: bodyOffset, nextOffset: bodyOffset };
  const isNext = fromLineAt(window, bodyOffset) !== undefined;
  const nextOffset = isNext ? bodyOffset : nextFromLine(window, bodyOffset);
  return { bodyEnd: withoutEmptyLine(window, bodyOffset, nextOffset), nextOffset };
}

/** The empty line before a From_ line separates, and is no one's. */
function withoutEmptyLine(window: Window, bodyOffset: number, end: number): number {
  const tail = window.slice(Math.max(bodyOffset, end - 3), Math.min(3, end - bodyOffset));
  const text = Buffer.from(tail).toString("latin1");
  if (/(?:^|\n)\r\n$/.test(text)) return end - 2;
  if (/(?:^|\n)\n$/.test(text)) return end - 1;
  return end;
}

/** The offset of the first From_ line after `start`, or the end of the file. */
function nextFromLine(window: Window, start: number): number {
  for (let at = start; ; ) {
    const found = window.indexOf(fromAtLine, at);
    if (found < 0) return window.sizeBytes;
    if (fromLineAt(window, found + 1) !== undefined) return found + 1;
    at = found + 1;
  }
}

function fromLineAt(window: Window, offset: number): { readonly dateMs: number } | undefined {
  const start = window.slice(offset, 5);
  if (Buffer.compare(start, fromAtLine.subarray(1)) !== 0) return undefined;
  const octets = window.slice(offset, fromLineOctetsMax + 2);
  const end = octets.indexOf(LF);
  const line = Buffer.from(end < 0 ? octets : octets.subarray(0, end)).toString("latin1");
  return parseFromLine(line.endsWith("\r") ? line.slice(0, -1) : line);
}

/** A piece of the file in memory, so that looking at lines is not a read each. */
class Window {
  readonly sizeBytes: number;
  readonly #source: OctetSource;
  #octets: Buffer = Buffer.alloc(0);
  #offset = 0;

  constructor(source: OctetSource) {
    this.#source = source;
    this.sizeBytes = source.sizeBytes;
  }

  /** Shorter only at the end of the file. */
  slice(offset: number, length: number): Buffer {
    const wanted = Math.max(Math.min(length, this.sizeBytes - offset), 0);
    const start = offset - this.#offset;
    if (start < 0 || start + wanted > this.#octets.length) this.#load(offset, wanted);
    const from = offset - this.#offset;
    return this.#octets.subarray(from, from + wanted);
  }

  /** The offset after the next LF, or the end of the file. */
  lineEnd(offset: number): number {
    for (let at = offset; at < this.sizeBytes; ) {
      const octets = this.#rest(at);
      const lf = octets.indexOf(LF);
      if (lf >= 0) return at + lf + 1;
      at += octets.length;
    }
    return this.sizeBytes;
  }

  /** -1 when it is nowhere from `offset` on. */
  indexOf(wanted: Buffer, offset: number): number {
    for (let at = offset; at + wanted.length <= this.sizeBytes; ) {
      const octets = this.#rest(at);
      const found = octets.indexOf(wanted);
      if (found >= 0) return at + found;
      at += Math.max(octets.length - wanted.length + 1, 1);
      if (octets.length < wanted.length) this.#load(at, wanted.length);
    }
    return -1;
  }

  /** What is in memory from there on, loaded when that is nothing or little. */
  #rest(offset: number): Buffer {
    const start = offset - this.#offset;
    if (start < 0 || this.#octets.length - start < 16) this.#load(offset, 0);
    return this.#octets.subarray(offset - this.#offset);
  }

  #load(offset: number, length: number): void {
    const octets = this.#source.read(offset, Math.max(length, windowBytes));
    this.#octets = Buffer.from(octets.buffer, octets.byteOffset, octets.length);
    this.#offset = offset;
  }
}

const windowBytes = 256 * 1024;
