import type { Jobs } from "../jobs.ts";
import type { Transaction } from "../transaction.ts";

/** One table with its indexes, page by page. */
export function checkIndex(
  transaction: Transaction,
  args: Jobs["checkIndex"]["args"],
): Jobs["checkIndex"]["result"] {
  return transaction.statements.damage
    .all(args.table)
    .filter((damage) => damage !== "ok")
    .map(
      (damage) =>
        `The index is damaged (${damage}); repair sets it aside and makes it anew from the files`,
    );
}
