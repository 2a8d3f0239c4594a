import { chmodSync, chownSync, type Stats } from "node:fs";
import { errnoOf } from "../../maildir/durable-file.ts";
import type { Findings } from "./findings.ts";

const ownerMayAll = { file: 0o600, directory: 0o700 };

/**
 * Whether the owner of the account's mail, and nobody outside his group, may use this. What another
 * program made may well be closed to the group.
 */
export function checkAccess(
  findings: Findings,
  path: string,
  stats: Stats,
  account: { readonly uid: number; readonly gid: number },
  repair: boolean,
): void {
  const wanted = ownerMayAll[stats.isDirectory() ? "directory" : "file"];
  const mode = stats.mode & 0o777;
  if ((mode & wanted) !== wanted || (mode & 0o007) !== 0) {
    const right = (mode | wanted) & 0o770;
    findings.add(
      "files with another mode",
      `"${path}" has the mode ${mode.toString(8)}; repair gives it ${right.toString(8)}`,
    );
    if (repair) tryTo(() => chmodSync(path, (stats.mode & 0o7000) | right));
  }
  if (stats.uid !== account.uid) {
    findings.add(
      "files of another owner",
      `"${path}" belongs to the user ${stats.uid} and not to ${account.uid}, as its account does; repair changes that only when root runs it`,
    );
    if (repair) tryTo(() => chownSync(path, account.uid, account.gid));
  }
}

/** Who may not change it is told so again by the next check. */
function tryTo(change: () => void): void {
  try {
    change();
  } catch (error) {
    if (errnoOf(error) !== "EPERM" && errnoOf(error) !== "ENOENT") throw error;
  }
}
