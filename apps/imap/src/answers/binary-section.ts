import type { StoredMessage } from "@posthouse/mailbox-store";
import { decodeTransferEncoding, holdsNul, type TransferDecoder } from "@posthouse/message";
import { no } from "../response.ts";
import type { BinaryAttribute } from "../syntax/fetch-attributes.ts";
import type { SectionOctets } from "./body-section.ts";
import { partAt } from "./message-part.ts";

/** Octets of a part before its transfer encoding is undone, and what undoes it. */
interface EncodedPart {
  readonly start: number;
  readonly end: number;
  readonly decoder: () => TransferDecoder;
}

/**
 * What BINARY[section]<partial> is for a message (RFC 3516 §4.3); undefined, NIL to the client, when it has no
 * such part. A literal says its length first, so a part is decoded twice, once to be measured, and never
 * held in memory.
 */
export async function openBinary(
  message: StoredMessage,
  attribute: Pick<BinaryAttribute, "part" | "partial">,
): Promise<SectionOctets | undefined> {
  const part = await encodedPart(message, attribute.part);
  if (part === undefined) return undefined;
  const { start, length } = attribute.partial ?? { start: 0, length: Number.POSITIVE_INFINITY };
  let lengthBytes = 0;
  let hasNul = false;
  const octets = () => cut(decoded(message, part), start, length);
  for await (const piece of octets()) {
    lengthBytes += piece.length;
    hasNul ||= holdsNul(piece);
  }
  // §4.3: without a NUL a string is enough, and tells the client that there is none.
  return { lengthBytes, octets, holdsNul: hasNul };
}

/** What BINARY.SIZE[section] is; undefined when there is no such part. */
export async function binarySize(
  message: StoredMessage,
  numbers: readonly number[],
): Promise<number | undefined> {
  const section = await openBinary(message, { part: numbers });
  return section?.lengthBytes;
}

async function encodedPart(
  message: StoredMessage,
  numbers: readonly number[],
): Promise<EncodedPart | undefined> {
  if (numbers.length === 0) return { start: 0, end: message.sizeBytes, decoder: identity };
  const part = partAt(await message.parts(), numbers);
  if (part === undefined) return undefined;
  // What has parts is not encoded itself (RFC 2045 §6.4).
  const encoding = part.children.length > 0 ? "" : part.transferEncoding;
  if (decodeTransferEncoding(encoding) === undefined) {
    throw no("UNKNOWN-CTE", "A transfer encoding is not known here");
  }
  const decoder = () => decodeTransferEncoding(encoding) ?? identity();
  return { start: part.bodyStart, end: part.bodyEnd, decoder };
}

const identity = (): TransferDecoder => ({
  push: (octets) => octets,
  end: () => new Uint8Array(0),
});

async function* decoded(message: StoredMessage, part: EncodedPart): AsyncGenerator<Uint8Array> {
  if (part.end <= part.start) return;
  const decoder = part.decoder();
  for await (const piece of message.read(part.start, part.end)) yield decoder.push(piece);
  yield decoder.end();
}

/** Octets start to start + length of these; no more of them is read than that. */
async function* cut(
  octets: AsyncIterable<Uint8Array>,
  start: number,
  length: number,
): AsyncGenerator<Uint8Array> {
  const end = start + length;
  let at = 0;
  for await (const piece of octets) {
    const from = Math.max(start - at, 0);
    const kept = piece.subarray(from, Math.max(end - at, from));
    at += piece.length;
    if (kept.length > 0) yield kept;
    if (at >= end) return;
  }
}
