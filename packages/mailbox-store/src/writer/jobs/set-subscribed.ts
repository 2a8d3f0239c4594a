import { join } from "node:path";
import { readIfThere, replaceDurably } from "../../maildir/durable-file.ts";
import { readNameStyle } from "../../maildir/name-style.ts";
import { formatSubscriptions, parseSubscriptions } from "../../maildir/subscriptions.ts";
import { subscriptionsName } from "../account-tree.ts";
import type { Jobs } from "../jobs.ts";
import type { Transaction } from "../transaction.ts";

/** The file is replaced whole; before or after a crash it is the old one or the new one. */
export function setSubscribed(
  transaction: Transaction,
  args: Jobs["setSubscribed"]["args"],
): Jobs["setSubscribed"]["result"] {
  const path = join(transaction.accountPath, subscriptionsName);
  const style = readNameStyle(transaction.accountPath);
  const names = new Set(parseSubscriptions(readIfThere(path) ?? Buffer.alloc(0), style));
  if (names.has(args.name) === args.isSubscribed) return undefined;
  if (args.isSubscribed) names.add(args.name);
  else names.delete(args.name);
  replaceDurably(path, formatSubscriptions(names, style));
  transaction.noteChange();
  return undefined;
}
