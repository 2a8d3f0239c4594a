import { execFileSync } from "node:child_process";
import { existsSync, globSync, lstatSync, mkdirSync, readdirSync } from "node:fs";
import { join, relative } from "node:path";
import { type AccountFile, accountFiles, accountPlaces } from "@posthouse/mailbox-store/backup";
import type { Config } from "@posthouse/service";
import { CommandFailure } from "../command-failure.ts";
import { writeDurably } from "../durable-file.ts";
import { databaseOctetsOf } from "./database-octets.ts";
import {
  isWhole,
  keepFile,
  keepOctets,
  type Listed,
  type ListedFile,
  listPath,
  openRepository,
  type Repository,
  readList,
  type Snapshot,
  snapshotsOf,
  sweep,
  writeList,
} from "./repository.ts";

/** An account that changes all the time is taken as it was seen last: each message whole. */
const LOOKS_MAX = 8;

export interface BackupOptions {
  readonly config: Config;
  readonly configFile: string;
  readonly directory: string;
  readonly version: string;
  readonly now?: () => Date;
  /** Called for each account that is done. */
  readonly onAccount?: (done: number, all: number) => void;
  /** Tests only: called between two looks at an account. */
  readonly betweenLooks?: (account: string) => void;
}

export interface BackupResult {
  readonly snapshot: Snapshot;
  readonly newFiles: number;
  readonly newBytes: number;
}

interface Progress {
  readonly repository: Repository;
  readonly kept: { hash: string; sizeBytes: number }[];
  files: number;
  bytes: number;
}

/**
 * A copy of everything that cannot be made again, while all runs. Of mail, what the last backup has is
 * known by name, size and date, and not read again. What is new is read back before the backup counts.
 *
 * The queue is not in it: what it holds is on its way, and would be sent twice.
 *
 * @throws CommandFailure
 */
export function createBackup(options: BackupOptions): BackupResult {
  const { config, directory, version, now = () => new Date() } = options;
  const repository = openRepository(directory, { make: true });
  sweep(repository);
  const before = snapshotsOf(repository).at(-1);
  const startedAt = now();
  const name = freeName(repository, startedAt);
  const progress: Progress = { repository, kept: [], files: 0, bytes: 0 };
  const lists: Record<string, string> = {};
  const places = accountPlaces(config.paths.mail);
  for (const [index, { domain, localPart }] of places.entries()) {
    const list = `mail/${domain}/${localPart}.jsonl`;
    const path = join(config.paths.mail, domain, localPart);
    const known = before?.lists[list] === undefined ? [] : readList(repository, before, list);
    const listed = keepAccount(path, known, progress, options.betweenLooks);
    lists[list] = writeList(listPath(repository, name, list), listed);
    options.onAccount?.(index + 1, places.length);
  }
  lists["host.jsonl"] = writeList(
    listPath(repository, name, "host.jsonl"),
    keepHost(options, progress),
  );
  const damaged = progress.kept.find((one) => !isWhole(repository, one));
  if (damaged !== undefined) {
    throw new CommandFailure(
      `What was written to "${directory}" cannot be read back (${damaged.hash}): is that disk well?`,
    );
  }
  syncAll(directory);
  const snapshot: Snapshot = {
    v: 1,
    name,
    version,
    hostname: config.hostname,
    startedAt: startedAt.toISOString(),
    endedAt: now().toISOString(),
    accounts: places.length,
    files: progress.files,
    bytes: progress.bytes,
    lists,
  };
  writeDurably(listPath(repository, name, "complete"), `${JSON.stringify(snapshot)}\n`);
  const newBytes = progress.kept.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  return { snapshot, newFiles: progress.kept.length, newBytes };
}

/** 2026-11-29T07-41-18Z; a second one of the same second waits for nobody. */
function freeName(repository: Repository, at: Date): string {
  const base = at
    .toISOString()
    .replace(/\.\d+Z$/, "Z")
    .replaceAll(":", "-");
  const there = new Set(readdirSync(join(repository.directory, "snapshots")));
  for (let n = 1; ; n += 1) {
    const name = n === 1 ? base : `${base}-${n}`;
    if (!there.has(name)) return name;
  }
}

/** Looks until two looks in a row are equal: then all that was read between them is of one moment. */
function keepAccount(
  path: string,
  known: readonly Listed[],
  progress: Progress,
  betweenLooks: ((account: string) => void) | undefined,
): readonly Listed[] {
  const kept = new Map<string, ListedFile>();
  for (const one of known) if (one.kind === "f") kept.set(stampOf(identityOf(one.path), one), one);
  let look = accountFiles(path);
  for (let looks = 1; ; looks += 1) {
    for (const file of look.files) {
      const stamp = stampOf(file.identity, file);
      if (!kept.has(stamp)) keep(path, file, stamp, kept, progress);
    }
    betweenLooks?.(path);
    const next = accountFiles(path);
    const isSame = namesIn(look) === namesIn(next);
    look = next;
    if (isSame || looks === LOOKS_MAX) break;
  }
  const files = look.files.flatMap((file): Listed[] => {
    const found = kept.get(stampOf(file.identity, file));
    return found === undefined ? [] : [{ ...found, path: file.path }];
  });
  progress.files += files.length;
  progress.bytes += look.files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  return [...look.directories.map((one): Listed => ({ kind: "d", path: one })), ...files];
}

function keep(
  accountPath: string,
  file: AccountFile,
  stamp: string,
  kept: Map<string, ListedFile>,
  { repository, kept: written }: Progress,
): void {
  const result = keepFile(repository, join(accountPath, file.path));
  // Gone, renamed, or still being written: the next look knows.
  if (result === undefined || result.sizeBytes !== file.sizeBytes) return;
  if (result.isNew) written.push(result);
  const { path, sizeBytes, mtimeMs } = file;
  kept.set(stamp, { kind: "f", path, sizeBytes, mtimeMs, mode: 0o660, hash: result.hash });
}

const stampOf = (
  identity: string,
  { sizeBytes, mtimeMs }: { readonly sizeBytes: number; readonly mtimeMs: number },
): string => `${identity}\0${sizeBytes}\0${mtimeMs}`;

/** As account-files.ts has it: without new/ or cur/ and the flags behind the key. */
function identityOf(path: string): string {
  const [, folder, name = ""] = /^((?:.*\/)?)(?:cur|new)\/([^/]*)$/.exec(path) ?? [];
  return folder === undefined ? path : `${folder}${name.split(":", 1)[0]}`;
}

const namesIn = ({ files, directories }: ReturnType<typeof accountFiles>): string =>
  [...directories, ...files.map((file) => `${file.path}\0${stampOf("", file)}`)].join("\n");

/** The configuration, accounts and secrets, DKIM keys, certificates. */
function keepHost({ config, configFile }: BackupOptions, progress: Progress): readonly Listed[] {
  const { state } = config.paths;
  const listed: Listed[] = [];
  const add = (path: string, hash: string, sizeBytes: number, mode: number) => {
    listed.push({ kind: "f", path, sizeBytes, mtimeMs: 0, mode, hash });
    progress.files += 1;
    progress.bytes += sizeBytes;
  };
  const addFile = (path: string, from: string) => {
    const { mode } = lstatSync(from);
    const kept = keepFile(progress.repository, from);
    if (kept === undefined) return;
    if (kept.isNew) progress.kept.push(kept);
    add(path, kept.hash, kept.sizeBytes, mode & 0o777);
  };
  addFile("posthouse.toml", configFile);
  for (const name of ["directory.sqlite", "secrets.sqlite"]) {
    const from = join(config.auth.stateDirectory, name);
    if (!existsSync(from)) continue;
    const octets = databaseOctetsOf(from);
    const hash = keepOctets(progress.repository, octets);
    progress.kept.push({ hash, sizeBytes: octets.length });
    add(`state/${relative(state, from)}`, hash, octets.length, 0o600);
  }
  const others = globSync(["smtp-out/dkim/*.pem", "http/*", "tls/*.pem"], { cwd: state }).sort();
  for (const name of others) {
    if (lstatSync(join(state, name)).isFile()) addFile(`state/${name}`, join(state, name));
  }
  return listed;
}

/** One syncfs(2) in place of an fsync for each of many small files. */
function syncAll(directory: string): void {
  mkdirSync(directory, { recursive: true });
  execFileSync("sync", ["--file-system", directory], { stdio: "ignore" });
}
