import { crc32 } from "node:zlib";
import type { DetailsRow, StoredDetailsRow } from "./rows.ts";

/** SQLite does not see when octets of a value are no longer those that were written. */
export function crcOfDetails(details: DetailsRow): number {
  const { envelope, bodyStructure, body, parts, emailId, threadId } = details;
  let crc = 0;
  for (const octets of [envelope, bodyStructure, body, parts, emailId, threadId]) {
    crc = crc32(octets, crc);
  }
  return crc;
}

export function areDetailsSound(details: StoredDetailsRow): boolean {
  return details.crc === -1 || details.crc === crcOfDetails(details);
}
