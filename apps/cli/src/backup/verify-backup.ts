import { isWhole, type Listed, type Repository, readList, type Snapshot } from "./repository.ts";

/** Reads all of some snapshots, each object once; says what is damaged or missing. */
export function verifyBackup(
  repository: Repository,
  snapshots: readonly Snapshot[],
): { readonly objects: number; readonly problems: readonly string[] } {
  const seen = new Set<string>();
  const problems: string[] = [];
  for (const snapshot of snapshots) {
    for (const list of Object.keys(snapshot.lists)) {
      for (const one of readOr(repository, snapshot, list, problems)) {
        if (one.kind !== "f" || seen.has(one.hash)) continue;
        seen.add(one.hash);
        if (!isWhole(repository, one)) {
          problems.push(
            `${snapshot.name}: ${list.replace(/\.jsonl$/, "")}/${one.path} is damaged or missing`,
          );
        }
      }
    }
  }
  return { objects: seen.size, problems };
}

function readOr(
  repository: Repository,
  snapshot: Snapshot,
  list: string,
  problems: string[],
): readonly Listed[] {
  try {
    return readList(repository, snapshot, list);
  } catch (error) {
    problems.push(`${snapshot.name}: ${(error as Error).message}`);
    return [];
  }
}
