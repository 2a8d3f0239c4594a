import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import type { Config } from "@posthouse/service";
import { databaseOctetsOf } from "../backup/database-octets.ts";
import { writeDurably } from "../durable-file.ts";
import {
  type DataVersions,
  dataVersionsOf,
  mailIndexPaths,
  queueIndexPath,
  userVersionOf,
} from "./data-versions.ts";

/** What was before an upgrade: a directory of its own below the state directory. */
export interface UpgradeCopy {
  readonly path: string;
  readonly atMs: number;
  /** Installations; absent where the units do not run one by the link. */
  readonly from?: string;
  readonly to?: string;
  readonly versions: Readonly<Partial<Record<DataVersions[number]["id"], number>>>;
}

const authDatabases = ["directory", "secrets"] as const;

const copiesIn = ({ paths }: Pick<Config, "paths">): string => join(paths.state, "upgrades");

/**
 * Keeps what a newer program changes and an older one cannot make again: the two databases of auth. Indexes are made
 * again from the files.
 *
 *   state   upgrades/<time>.making   upgrades/<time>   after a crash here
 *   U1      part                     -                 nothing has happened; the next copy sweeps it
 *   U2      -                        whole             the link still leads to the old version; again makes another
 */
export function keepCopy(
  config: Config,
  about: Pick<UpgradeCopy, "from" | "to"> & { readonly atMs: number },
): string {
  const root = copiesIn(config);
  mkdirSync(root, { recursive: true, mode: 0o700 });
  for (const name of readdirSync(root).filter((one) => one.endsWith(".making"))) {
    rmSync(join(root, name), { recursive: true });
  }
  const name = new Date(about.atMs).toISOString().replaceAll(/[:.]/g, "-");
  const making = join(root, `${name}.making`);
  mkdirSync(making, { mode: 0o700 });
  for (const database of authDatabases) {
    const path = join(config.auth.stateDirectory, `${database}.sqlite`);
    if (!existsSync(path)) continue;
    writeFileSync(join(making, `${database}.sqlite`), databaseOctetsOf(path), {
      mode: 0o600,
      flush: true,
    });
  }
  const versions = Object.fromEntries(dataVersionsOf(config).map(({ id, found }) => [id, found]));
  writeDurably(join(making, "upgrade.json"), JSON.stringify({ ...about, versions }, null, 2));
  renameSync(making, join(root, name));
  return join(root, name);
}

/** The copy of the last upgrade that was not taken back. */
export function lastCopy(config: Pick<Config, "paths">): UpgradeCopy | undefined {
  const root = copiesIn(config);
  const names = existsSync(root) ? readdirSync(root) : [];
  const last = names
    .filter((name) => /^\d{4}-\d\d-\d\dT[\d-]+Z$/.test(name))
    .sort()
    .at(-1);
  if (last === undefined) return undefined;
  const path = join(root, last);
  const about = JSON.parse(readFileSync(join(path, "upgrade.json"), "utf8")) as UpgradeCopy;
  return { ...about, path };
}

/** What has to be put back so that the older program can read it; for people. */
export function whatGoesBack(config: Config, { versions }: UpgradeCopy): readonly string[] {
  const now = dataVersionsOf(config);
  return now
    .filter(({ id, found }) => found > (versions[id] ?? found))
    .map(({ id, what, found }) => {
      const older = versions[id] ?? 0;
      return id === "queue" || id === "mail"
        ? `remove the ${what} of version ${found}: the older program makes them again from the files`
        : `put back ${what} as they were (version ${older}); what was changed since is lost, and kept beside`;
    });
}

/**
 * With no server running. Each file on its own, so that it can be given again after a crash anywhere: what is of the
 * older version already is left alone.
 */
export function putBack(config: Config, copy: UpgradeCopy): void {
  const now = new Map(dataVersionsOf(config).map(({ id, found }) => [id, found]));
  for (const database of authDatabases) {
    const older = copy.versions[database];
    if (older === undefined || (now.get(database) ?? 0) <= older) continue;
    putDatabaseBack(join(config.auth.stateDirectory, `${database}.sqlite`), {
      copy: join(copy.path, `${database}.sqlite`),
    });
  }
  const { queue, mail } = copy.versions;
  if (queue !== undefined) removeNewer([queueIndexPath(config)], queue);
  if (mail !== undefined) removeNewer(mailIndexPaths(config), mail);
  renameSync(copy.path, `${copy.path}.rolled-back`);
}

/** The newer one stays beside it, for who has to look something up. */
function putDatabaseBack(path: string, { copy }: { readonly copy: string }): void {
  const { uid, gid, mode } = statSync(path);
  const fresh = `${path}.older`;
  writeFileSync(fresh, readFileSync(copy), { mode: 0o600, flush: true });
  if (process.getuid?.() === 0) chownSync(fresh, uid, gid);
  chmodSync(fresh, mode & 0o777);
  const aside = `${path}.newer-${Date.now()}`;
  for (const end of ["-wal", "-shm"]) {
    if (existsSync(path + end)) renameSync(path + end, aside + end);
  }
  renameSync(path, aside);
  renameSync(fresh, path);
}

function removeNewer(paths: readonly string[], older: number): void {
  for (const path of paths) {
    if (!existsSync(path) || userVersionOf(path) <= older) continue;
    for (const end of ["", "-wal", "-shm"]) rmSync(path + end, { force: true });
  }
}
