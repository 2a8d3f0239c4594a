import type { StoredMessage } from "@posthouse/mailbox-store";
import { holdsNul, type MessagePart, selectHeaderFields } from "@posthouse/message";
import { limits } from "../limits.ts";
import type { HeaderFields, Section, SectionOf } from "../syntax/fetch-attributes.ts";
import { messageInside, partAt } from "./message-part.ts";

/** Octets whose number is known before they are read, as a literal needs. */
export interface SectionOctets {
  readonly lengthBytes: number;
  /** They can only go out as a literal8. */
  readonly holdsNul?: boolean;
  /** All of them, where they are in memory: to wait for each piece takes longer than to write a short message. */
  readonly inMemory?: Uint8Array | undefined;
  octets(): AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
}

/** Octets start to end of the message. */
interface OctetRange {
  readonly start: number;
  readonly end: number;
}

/** What BODY[section]<partial> is for a message; undefined, NIL to the client, when it has no such part. */
export async function openSection(
  message: StoredMessage,
  { section, partial }: SectionOf,
): Promise<SectionOctets | undefined> {
  const { text } = section;
  const range = await rangeOf(message, section);
  if (range === undefined) return undefined;
  if (typeof text === "object") {
    return await inHeader(() => selectFields(message, range, text), partial);
  }
  return inMessage(message, partial === undefined ? range : narrow(range, partial));
}

async function rangeOf(message: StoredMessage, section: Section): Promise<OctetRange | undefined> {
  const { part: numbers, text } = section;
  // The whole message needs no look at its parts.
  if (numbers.length === 0 && text === undefined) return { start: 0, end: message.sizeBytes };

  const root = await message.parts();
  const part = partAt(root, numbers);
  if (part === undefined) return undefined;
  if (text === undefined) return { start: part.bodyStart, end: part.bodyEnd };
  if (text === "MIME") return { start: part.headerStart, end: part.bodyStart };

  // HEADER and TEXT with numbers are those of a message inside (RFC 3501 §6.4.5).
  const inner: MessagePart | undefined = numbers.length === 0 ? root : messageInside(part);
  if (inner === undefined) return undefined;
  return text === "TEXT"
    ? { start: inner.bodyStart, end: inner.bodyEnd }
    : { start: inner.headerStart, end: inner.bodyStart };
}

async function selectFields(
  message: StoredMessage,
  range: OctetRange,
  { names, isNot }: HeaderFields,
): Promise<Uint8Array> {
  const end = Math.min(range.end, range.start + limits.headerBytesMax);
  const header = Buffer.concat(await Array.fromAsync(message.read(range.start, end)));
  return withoutNul(selectHeaderFields(header, names, { not: isNot }));
}

/** Some of the fields of a header. Many are wanted at once: only short ones wait in memory for their turn. */
async function inHeader(
  select: () => Promise<Uint8Array>,
  partial: { start: number; length: number } | undefined,
): Promise<SectionOctets> {
  const cut = (fields: Uint8Array) => (partial === undefined ? fields : slice(fields, partial));
  const octets = cut(await select());
  const lengthBytes = octets.length;
  // A copy, since a part of a header would keep all of it.
  if (lengthBytes <= limits.fieldsKeptBytesMax) {
    const kept = new Uint8Array(octets);
    return { lengthBytes, octets: () => [kept] };
  }
  return {
    lengthBytes,
    async *octets() {
      yield cut(await select());
    },
  };
}

const inMessage = (message: StoredMessage, { start, end }: OctetRange): SectionOctets => ({
  lengthBytes: Math.max(0, end - start),
  inMemory: message.octets && withoutNul(message.octets.subarray(start, Math.max(start, end))),
  async *octets() {
    if (end <= start) return;
    for await (const piece of message.read(start, end)) yield withoutNul(piece);
  },
});

/** RFC 3501 §6.4.5: a start past the end is an empty string, an end past the end is cut. */
function narrow(range: OctetRange, partial: { start: number; length: number }): OctetRange {
  const start = Math.min(range.end, range.start + partial.start);
  return { start, end: Math.min(range.end, start + partial.length) };
}

const slice = (octets: Uint8Array, partial: { start: number; length: number }): Uint8Array =>
  octets.subarray(partial.start, partial.start + partial.length);

/** A literal holds no NUL (RFC 3501 §9, CHAR8): a stored one is shown as 0x80. */
function withoutNul(octets: Uint8Array): Uint8Array {
  if (!holdsNul(octets)) return octets;
  return octets.map((octet) => (octet === 0 ? 0x80 : octet));
}
