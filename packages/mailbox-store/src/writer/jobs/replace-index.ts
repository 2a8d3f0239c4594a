import { DamagedIndex } from "../../index/damage.ts";
import { indexIdentity } from "../../index/index-file.ts";
import type { Jobs } from "../jobs.ts";
import type { Transaction } from "../transaction.ts";

/**
 * A reader could not make sense of the index, which in here may look well. The damage that is thrown has
 * it set aside; this job then runs once more on the new one, which is another file.
 */
export function replaceIndex(
  transaction: Transaction,
  args: Jobs["replaceIndex"]["args"],
): Jobs["replaceIndex"]["result"] {
  if (indexIdentity(transaction.accountPath) === args.identity) throw new DamagedIndex(args.reason);
  return undefined;
}
