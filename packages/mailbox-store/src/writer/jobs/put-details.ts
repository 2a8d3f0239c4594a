import { crcOfDetails } from "../../index/details-crc.ts";
import { detailsId, packedId } from "../../index/schema.ts";
import type { Jobs } from "../jobs.ts";
import type { Transaction } from "../transaction.ts";
import { insertSortKeys } from "./put-sort-keys.ts";

/** Envelope and structure of messages that other programs stored, read when they were first asked for. */
export function putDetails(
  transaction: Transaction,
  args: Jobs["putDetails"]["args"],
): Jobs["putDetails"]["result"] {
  const { statements } = transaction;
  const { row } = transaction.mailboxOfGuid(args.guid);
  for (const found of args.details) {
    const { uid, envelope, bodyStructure, body, parts, emailId, threadId } = found;
    const message = statements.message.get(row.id, uid);
    if (message === undefined) continue;
    const sizeBytes = found.sizeBytes ?? message.size;
    // The W of a foreign file name may be wrong.
    if (sizeBytes !== message.size) {
      statements.updateSize.run(message.flags, sizeBytes, row.id, uid);
      // The one change of a column that has no modseq.
      statements.deletePacked.run(packedId(row.id, 0), packedId(row.id, 2 ** 32 - 1));
    }
    const id = detailsId(row.id, uid);
    const crc = crcOfDetails(found);
    statements.insertDetails.run(id, envelope, bodyStructure, body, parts, emailId, threadId, crc);
    if (found.sortKeys !== undefined) insertSortKeys(transaction, id, found.sortKeys);
  }
  return undefined;
}
