import { crc32 } from "node:zlib";
import type { MessageColumns } from "./types.ts";

/**
 * Some thousand messages as one value of the index, so that opening a large mailbox is a few copies of
 * memory instead of a row a message. In the byte order of the machine:
 *
 *   8 octets   1 as a double: told by another byte order as something else
 *   8 octets   n, the number of messages, as a double
 *   8 octets   the CRC-32 of all that follows, as a double: the index has no checksums of its own
 *   4 x 8n     modseqs, sizes, internal dates, save dates: doubles
 *   2 x 4n     UIDs, keyword sets: 32 bits without sign
 *   n          system flags
 */
const mark = 1;
const headerBytes = 24;
const messageBytes = 41;

/** The messages `from` to `to` (exclusive). */
export function packColumns(columns: MessageColumns, from: number, to: number): Uint8Array {
  const octets = new Uint8Array(headerBytes + (to - from) * messageBytes);
  let at = headerBytes;
  for (const column of columnsInOrder(columns)) {
    const part = octetsOf(column.subarray(from, to));
    octets.set(part, at);
    at += part.length;
  }
  octets.set(octetsOf(Float64Array.of(mark, to - from, crc32(octets.subarray(headerBytes)))));
  return octets;
}

/** undefined when it is not what this machine has written. */
export function unpackColumns(octets: Uint8Array): Omit<MessageColumns, "keywordSets"> | undefined {
  // A copy is aligned; what a database gives may not be.
  const { buffer } = new Uint8Array(octets);
  if (octets.length < headerBytes) return undefined;
  const [foundMark, length = 0, crc] = new Float64Array(buffer, 0, 3);
  if (foundMark !== mark || octets.length !== headerBytes + length * messageBytes) return undefined;
  if (crc !== crc32(octets.subarray(headerBytes))) return undefined;
  const doubles = (nth: number) => new Float64Array(buffer, headerBytes + nth * 8 * length, length);
  const integers = (nth: number) =>
    new Uint32Array(buffer, headerBytes + 32 * length + nth * 4 * length, length);
  return {
    length,
    modSeqs: doubles(0),
    sizes: doubles(1),
    internalDatesMs: doubles(2),
    saveDatesMs: doubles(3),
    uids: integers(0),
    keywordSet: integers(1),
    systemFlags: new Uint8Array(buffer, headerBytes + 40 * length, length),
  };
}

function columnsInOrder(columns: MessageColumns) {
  return [
    columns.modSeqs,
    columns.sizes,
    columns.internalDatesMs,
    columns.saveDatesMs,
    columns.uids,
    columns.keywordSet,
    columns.systemFlags,
  ];
}

function octetsOf(column: Float64Array | Uint32Array | Uint8Array): Uint8Array {
  return new Uint8Array(column.buffer, column.byteOffset, column.byteLength);
}
