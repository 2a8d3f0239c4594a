import { join } from "node:path";
import { limits } from "../limits.ts";
import { readIfThere, replaceDurably } from "./durable-file.ts";

export const uidValidityName = "posthouse-uidvalidity";

/**
 * The next UIDVALIDITY of an account, from its counter: one line with the last number given out. A
 * mailbox that is deleted and made again gets a larger one (RFC 9051 §2.3.1.1).
 *
 *   state   counter   mailbox   after a crash here
 *   V1      old       -         nothing happened
 *   V2      new       -         a number is skipped
 *   V3      new       made      done
 *
 * It never falls behind the clock, so that a lost counter goes on above what it was.
 */
export function nextUidValidity(accountPath: string, largestInUse: number): number {
  const path = join(accountPath, uidValidityName);
  const last = Number(/^(\d{1,10})\n/.exec(readIfThere(path)?.toString("latin1") ?? "")?.[1] ?? 0);
  const next = Math.max(last + 1, largestInUse + 1, Math.floor(Date.now() / 1000));
  const uidValidity = Math.min(next, limits.uidMax);
  replaceDurably(path, `${uidValidity}\n`);
  return uidValidity;
}
