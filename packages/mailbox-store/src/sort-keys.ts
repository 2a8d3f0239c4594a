import { hash } from "node:crypto";
import { type SortFields, sortFields } from "@posthouse/message";
import type { SortKeys } from "./types.ts";

/** A row of the index's sortKeys. */
export type SortKeysRow = SortKeys;

/** What SORT and THREAD compare of a message, from its header. */
export function sortKeysOf(header: Uint8Array): SortKeysRow {
  return rowOf(sortFields(header));
}

function rowOf(fields: SortFields): SortKeysRow {
  const { messageId, references } = fields;
  return {
    sentMs: fields.sentMs ?? null,
    subject: fields.subject,
    isReply: fields.isReply ? 1 : 0,
    from: fields.from,
    to: fields.to,
    cc: fields.cc,
    displayFrom: fields.displayFrom,
    displayTo: fields.displayTo,
    messageId: messageId === undefined ? null : idHash(messageId),
    references: references.length === 0 ? null : Buffer.concat(references.map(idHash)),
  };
}

/**
 * Eight octets for an identifier of any length. Two of a million ids are taken for one with a probability
 * of 1 in 30 million; who makes two on purpose gets a wrong thread of his own mail.
 */
function idHash(id: string): Buffer {
  return hash("sha256", id, "buffer").subarray(0, 8);
}
