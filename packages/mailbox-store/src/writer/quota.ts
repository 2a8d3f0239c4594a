import { StoreError } from "../store-error.ts";
import type { QuotaLimits } from "./jobs.ts";
import type { Transaction } from "./transaction.ts";

/** Refuses before anything is visible. */
export function refuseOverQuota(
  transaction: Transaction,
  quota: QuotaLimits,
  more: { readonly messages: number; readonly bytes: number },
): void {
  if (quota.quotaBytes === undefined && quota.quotaMessages === undefined) return;
  const now = transaction.statements.totals.get() ?? { bytes: 0, messages: 0 };
  const isOver =
    now.bytes + more.bytes > (quota.quotaBytes ?? Number.POSITIVE_INFINITY) ||
    now.messages + more.messages > (quota.quotaMessages ?? Number.POSITIVE_INFINITY);
  if (!isOver) return;
  throw new StoreError(
    "over-quota",
    `Cannot store ${more.bytes} octets in "${transaction.accountPath}": ${now.bytes} octets in ${now.messages} messages are there already`,
  );
}
