import { existsSync, readFileSync, renameSync } from "node:fs";
import { dirname, join } from "node:path";
import { accountPath } from "./account-path.ts";
import { syncDirectory } from "./maildir/durable-file.ts";
import { StoreError } from "./store-error.ts";
import { accountFileName } from "./writer/account-tree.ts";
import { makeDirectory } from "./writer/folder-on-disk.ts";

export interface AccountMove {
  readonly mailDirectory: string;
  readonly accountId: string;
  /** Addresses. */
  readonly from: string;
  readonly to: string;
  /** Only says what it would, and refuses what it would. */
  readonly isDry?: boolean;
}

/**
 * Gives the mail of an account the place of its new address. Nobody may be told of either address meanwhile
 * (the directory sees to that), and whoever has the account open still finds its place gone, and nothing else.
 * Says what is there afterwards: "both" when a delivery that was under way made the old place anew.
 *
 *   state   from    to      after a crash here
 *   V1      whole   -       nothing has happened; it can be done again
 *   V2      -       whole   moved, and maybe not on disk yet: again syncs it
 *
 * @throws StoreError "exists" where somebody else's mail is at `to`
 */
export function moveAccountMail(move: AccountMove): "moved" | "nothing" | "both" {
  const from = accountPath(move.mailDirectory, move.from);
  const to = accountPath(move.mailDirectory, move.to);
  const idThere = accountIdAt(to);
  if (existsSync(to) && idThere !== move.accountId) {
    throw new StoreError(
      "exists",
      `There is mail of another account (${idThere ?? "unknown"}) in "${to}": move it elsewhere first`,
    );
  }
  const isAtFrom = accountIdAt(from) === move.accountId;
  if (move.isDry === true) return isAtFrom ? "moved" : "nothing";
  if (existsSync(to)) {
    syncDirectory(dirname(to));
    return isAtFrom ? "both" : "moved";
  }
  if (!isAtFrom) return "nothing";
  if (!existsSync(dirname(to))) {
    makeDirectory(dirname(to));
    syncDirectory(move.mailDirectory);
  }
  renameSync(from, to);
  syncDirectory(dirname(to));
  syncDirectory(dirname(from));
  return "moved";
}

function accountIdAt(path: string): string | undefined {
  try {
    return readFileSync(join(path, accountFileName), "utf8").trim();
  } catch {
    return undefined;
  }
}
