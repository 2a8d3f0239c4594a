import { join } from "node:path";
import { crashPoint } from "../../crash-point.ts";
import { limits } from "../../limits.ts";
import { readIfThere, replaceDurably } from "../../maildir/durable-file.ts";
import { formatSharers, parseSharers, sharersFileName } from "../../maildir/sharers-file.ts";
import { StoreError } from "../../store-error.ts";
import type { Jobs } from "../jobs.ts";
import type { Transaction } from "../transaction.ts";

/**
 * Who shares with this account: a hint where to look for rights, and no right by itself.
 *
 *   state   file   after a crash here
 *   H1      old    nothing happened; the rights in the other account hold all the same
 *   H2      new    done
 */
export function setSharer(
  transaction: Transaction,
  args: Jobs["setSharer"]["args"],
): Jobs["setSharer"]["result"] {
  const path = join(transaction.accountPath, sharersFileName);
  const sharers = new Set(parseSharers(readIfThere(path) ?? Buffer.alloc(0)));
  if (sharers.has(args.address) === args.isSharing) return undefined;
  if (args.isSharing) sharers.add(args.address);
  else sharers.delete(args.address);
  if (sharers.size > limits.sharersMax) {
    throw new StoreError("limit", `${limits.sharersMax} accounts share with this one already`);
  }
  crashPoint("H1");
  replaceDurably(path, formatSharers(sharers));
  crashPoint("H2");
  transaction.noteChange();
  return undefined;
}
