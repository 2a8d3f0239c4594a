import { detailsId } from "../../index/schema.ts";
import type { SortKeysRow } from "../../sort-keys.ts";
import type { Jobs } from "../jobs.ts";
import type { Transaction } from "../transaction.ts";

/** Of messages that other programs stored, read when they were first sorted. */
export function putSortKeys(
  transaction: Transaction,
  args: Jobs["putSortKeys"]["args"],
): Jobs["putSortKeys"]["result"] {
  const { row } = transaction.mailboxOfGuid(args.guid);
  for (const { uid, ...keys } of args.keys) {
    if (transaction.statements.message.get(row.id, uid) === undefined) continue;
    insertSortKeys(transaction, detailsId(row.id, uid), keys);
  }
  return undefined;
}

export function insertSortKeys(transaction: Transaction, id: number, keys: SortKeysRow): void {
  transaction.statements.insertSortKeys.run({ id, ...keys });
}
