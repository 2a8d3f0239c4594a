import { packedId } from "../../index/schema.ts";
import { limits } from "../../limits.ts";
import { ColumnsBuilder } from "../../message-columns.ts";
import { packColumns } from "../../packed-columns.ts";
import type { Jobs } from "../jobs.ts";
import type { Transaction } from "../transaction.ts";

/**
 * Writes the columns of a mailbox as whoever opens it next reads them, as of now: what changes later has
 * a larger modseq and is read besides. Nothing else depends on them, so that they have no crash table.
 */
export function packMailbox(
  transaction: Transaction,
  args: Jobs["packColumns"]["args"],
): Jobs["packColumns"]["result"] {
  const { row } = transaction.mailboxOfGuid(args.guid);
  const { statements } = transaction;
  const builder = new ColumnsBuilder(row.messages);
  for (const message of statements.columnRows.iterate(row.id)) builder.add(message);
  const columns = builder.columns([[]]);
  statements.deletePacked.run(packedId(row.id, 0), packedId(row.id, 2 ** 32 - 1));
  statements.deleteForeignPacked.run();
  for (let at = 0; at < columns.length; at += limits.messagesPerChunk) {
    const to = Math.min(at + limits.messagesPerChunk, columns.length);
    const octets = packColumns(columns, at, to);
    const id = packedId(row.id, at / limits.messagesPerChunk);
    statements.insertPacked.run(id, row.uidValidity, row.highestModSeq, octets);
  }
  return undefined;
}
