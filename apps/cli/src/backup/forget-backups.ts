import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { listPath, type Repository, readList, snapshotsOf } from "./repository.ts";

/**
 * Removes all but the newest `keep` snapshots, and the objects that no other needs. A snapshot stops
 * counting first, so that a crash leaves objects too many and never too few. When a list of one that stays
 * cannot be read, nothing is removed.
 *
 * @throws CommandFailure
 */
export function forgetBackups(
  repository: Repository,
  keep: number,
): { readonly snapshots: number; readonly objects: number } {
  const all = snapshotsOf(repository);
  const old = all.slice(0, Math.max(0, all.length - keep));
  if (old.length === 0) return { snapshots: 0, objects: 0 };
  const needed = new Set<string>();
  for (const snapshot of all.slice(-keep)) {
    for (const list of Object.keys(snapshot.lists)) {
      for (const one of readList(repository, snapshot, list)) {
        if (one.kind === "f") needed.add(one.hash);
      }
    }
  }
  for (const { name } of old) {
    rmSync(listPath(repository, name, "complete"));
    rmSync(listPath(repository, name, "."), { recursive: true });
  }
  let objects = 0;
  const directory = join(repository.directory, "objects");
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    if (!entry.isDirectory()) continue;
    for (const hash of readdirSync(join(directory, entry.name))) {
      if (needed.has(hash)) continue;
      rmSync(join(directory, entry.name, hash));
      objects += 1;
    }
  }
  return { snapshots: old.length, objects };
}
