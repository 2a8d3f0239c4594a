import { execFileSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { type Config, directoriesOf, isAnswered } from "@posthouse/service";
import { CommandFailure } from "../command-failure.ts";
import { writeDurably } from "../durable-file.ts";
import { giveToOwnerOf } from "../mail-staging.ts";
import { putAccount } from "./put-account.ts";
import {
  type ListedFile,
  objectOctets,
  type Repository,
  readList,
  type Snapshot,
} from "./repository.ts";

/** There while it is not done: it may then be run again over what it wrote. */
const MARK = "posthouse-restoring";

/**
 * Everything of a backup into an empty data directory, while nothing runs.
 *
 *   state   on disk                        after a crash here
 *   E1      the mark                       run it again
 *   E2      the mark, mail, also in part   the same: each file is written anew
 *   E3      the mark, mail, state          the same
 *   E4      all, synced, no mark           done
 *
 * @throws CommandFailure
 */
export async function restoreEverything(options: {
  readonly repository: Repository;
  readonly snapshot: Snapshot;
  readonly config: Config;
  readonly onAccount?: (done: number, all: number) => void;
}): Promise<{ readonly accounts: number }> {
  const { repository, snapshot, config, onAccount } = options;
  await assertNobodyRuns(config);
  for (const path of directoriesOf(config)) mkdirSync(path, { recursive: true, mode: 0o770 });
  const mark = join(config.dataDir, MARK);
  if (!existsSync(mark)) assertEmpty(config);
  writeDurably(mark, `${snapshot.name}\n`);
  const lists = Object.keys(snapshot.lists).filter((list) => list.startsWith("mail/"));
  for (const [index, list] of lists.entries()) {
    const path = join(config.paths.mail, list.slice("mail/".length).replace(/\.jsonl$/, ""));
    mkdirSync(path, { recursive: true });
    putAccount(repository, readList(repository, snapshot, list), path);
    onAccount?.(index + 1, lists.length);
  }
  giveToOwnerOf(config.paths.mail, config.paths.mail);
  for (const one of readList(repository, snapshot, "host.jsonl")) {
    if (one.kind === "f" && one.path.startsWith("state/")) putState(repository, config, one);
  }
  execFileSync("sync", ["--file-system", config.dataDir], { stdio: "ignore" });
  execFileSync("sync", ["--file-system", config.paths.mail], { stdio: "ignore" });
  rmSync(mark);
  return { accounts: lists.length };
}

function putState(repository: Repository, config: Config, file: ListedFile): void {
  const path = join(config.paths.state, file.path.slice("state/".length));
  const directory = dirname(path);
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  writeFileSync(path, objectOctets(repository, file), { mode: 0o600 });
  chmodSync(path, file.mode);
  if (process.getuid?.() !== 0) return;
  // dkim/ is made by its first key: its owner is that of the directory above.
  const { uid, gid } = lstatSync(
    dirname(directory) === config.paths.state ? directory : dirname(directory),
  );
  chownSync(directory, uid, gid);
  chownSync(path, uid, gid);
}

async function assertNobodyRuns({ runDir, dataDir }: Config): Promise<void> {
  if (await isAnswered(join(runDir, "auth.status.sock"))) {
    throw new CommandFailure(
      `Posthouse is running on "${dataDir}": stop it first (systemctl stop posthouse.target); one account is restored while it runs`,
    );
  }
}

function assertEmpty(config: Config): void {
  const [first] = readdirSync(config.paths.mail).filter((name) => !name.startsWith("."));
  const database = join(config.auth.stateDirectory, "directory.sqlite");
  const there =
    first !== undefined
      ? join(config.paths.mail, first)
      : existsSync(database)
        ? database
        : undefined;
  if (there !== undefined) {
    throw new CommandFailure(
      `"${there}" is there: everything is restored into an empty data directory only; move it away first, or restore one account`,
    );
  }
}
