import { createHash } from "node:crypto";
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { CommandFailure } from "../command-failure.ts";
import { writeDurably } from "../durable-file.ts";
import { isRunning } from "../is-running.ts";

const FIRST_LINE = "posthouse-backup 1\n";
const PIECE_BYTES = 1024 * 1024;

/**
 * A directory of backups. A file is kept once, by the SHA-256 of its octets; a snapshot is a list of what
 * was where.
 *
 *   posthouse-backup                          version
 *   objects/<2 hex>/<64 hex>                  octets of a file
 *   snapshots/<time>/mail/<domain>/<local part>.jsonl, host.jsonl     a list each, see Listed
 *   snapshots/<time>/complete                 written last: a snapshot without it is none
 *   lock                                      the process that writes
 *
 *   state   on disk                           after a crash here
 *   B1      objects/…, also half of one       none of it counts; what is whole is used by the next one
 *   B2      objects, lists                    the same; the lists are removed by the next one
 *   B3      all, synced, and complete         done
 *
 * An object is believed only after its octets were read and have its name, since after a power cut a
 * file may be there without them.
 */
export interface Repository {
  readonly directory: string;
}

/** One line of a list. */
export type Listed =
  | { readonly kind: "d"; readonly path: string }
  | {
      readonly kind: "f";
      readonly path: string;
      readonly sizeBytes: number;
      readonly mtimeMs: number;
      readonly mode: number;
      readonly hash: string;
    };
export type ListedFile = Extract<Listed, { kind: "f" }>;

/** `complete`: what the snapshot is, and the SHA-256 of each of its lists. */
export interface Snapshot {
  readonly v: 1;
  readonly name: string;
  readonly version: string;
  readonly hostname: string;
  readonly startedAt: string;
  readonly endedAt: string;
  readonly accounts: number;
  readonly files: number;
  readonly bytes: number;
  readonly lists: Readonly<Record<string, string>>;
}

/** @throws CommandFailure */
export function openRepository(directory: string, { make = false } = {}): Repository {
  const mark = join(directory, "posthouse-backup");
  if (existsSync(mark)) {
    const first = readFileSync(mark, "latin1");
    if (first === FIRST_LINE) return { directory };
    throw new CommandFailure(
      `"${directory}" holds backups of a later version (${first.trim().slice(0, 40)}): use that version`,
    );
  }
  if (statSync(directory, { throwIfNoEntry: false })?.isDirectory() === false) {
    throw new CommandFailure(`"${directory}" is a file: name the directory of the backups`);
  }
  if (!make) throw new CommandFailure(`There are no backups in "${directory}"`);
  if (existsSync(directory) && readdirSync(directory).length > 0) {
    throw new CommandFailure(
      `"${directory}" is not empty and holds no backups: name an empty directory, or a new one`,
    );
  }
  // Mail and secrets of everybody.
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  for (const name of ["objects", "snapshots"]) mkdirSync(join(directory, name), { mode: 0o700 });
  writeDurably(mark, FIRST_LINE);
  return { directory };
}

/** One process writes at a time. @throws CommandFailure */
export function lockRepository({ directory }: Repository): Disposable {
  const path = join(directory, "lock");
  for (let tries = 0; ; tries += 1) {
    try {
      writeFileSync(path, String(process.pid), { flag: "wx" });
      return { [Symbol.dispose]: () => rmSync(path, { force: true }) };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
      const pid = Number(readFileSync(path, "latin1"));
      if (tries > 0 || isRunning(pid)) {
        throw new CommandFailure(
          `Another backup is being written to "${directory}" (process ${pid})`,
        );
      }
      rmSync(path, { force: true });
    }
  }
}

/** Complete ones, oldest first. */
export function snapshotsOf({ directory }: Repository): readonly Snapshot[] {
  return readdirSync(join(directory, "snapshots"))
    .sort()
    .flatMap((name) => {
      const path = join(directory, "snapshots", name, "complete");
      return existsSync(path) ? [JSON.parse(readFileSync(path, "utf8")) as Snapshot] : [];
    });
}

/** The one of that name, or the newest. @throws CommandFailure */
export function findSnapshot(repository: Repository, name?: string): Snapshot {
  const all = snapshotsOf(repository);
  const found = name === undefined ? all.at(-1) : all.find((one) => one.name === name);
  if (found !== undefined) return found;
  throw new CommandFailure(
    name === undefined
      ? `There is no complete backup in "${repository.directory}"`
      : `There is no backup "${name}" in "${repository.directory}"; posthouse backup list ${repository.directory} shows all`,
  );
}

/** Removes what a crash left of snapshots that are none. */
export function sweep({ directory }: Repository): void {
  const snapshots = join(directory, "snapshots");
  for (const name of readdirSync(snapshots)) {
    if (!existsSync(join(snapshots, name, "complete"))) {
      rmSync(join(snapshots, name), { recursive: true });
    }
  }
}

export const listPath = ({ directory }: Repository, snapshot: string, list: string): string =>
  join(directory, "snapshots", snapshot, list);

/** Lines are JSON arrays, so that any name of a file fits in. Returns the SHA-256 of the list. */
export function writeList(path: string, listed: readonly Listed[]): string {
  const text = listed
    .map((one) =>
      one.kind === "d"
        ? `${JSON.stringify(["d", one.path])}\n`
        : `${JSON.stringify(["f", one.path, one.sizeBytes, one.mtimeMs, one.mode, one.hash])}\n`,
    )
    .join("");
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  writeFileSync(path, text, { mode: 0o600 });
  return sha256(text);
}

/** A list whose octets are those that were written. @throws CommandFailure */
export function readList(
  repository: Repository,
  snapshot: Snapshot,
  list: string,
): readonly Listed[] {
  const path = listPath(repository, snapshot.name, list);
  const text = existsSync(path) ? readFileSync(path, "utf8") : "";
  if (sha256(text) !== snapshot.lists[list]) {
    throw new CommandFailure(`The list "${path}" is damaged: restore from another backup`);
  }
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line): Listed => {
      const [kind, name, sizeBytes, mtimeMs, mode, hash] = JSON.parse(line) as [
        "d" | "f",
        string,
        number,
        number,
        number,
        string,
      ];
      return kind === "d"
        ? { kind, path: name }
        : { kind, path: name, sizeBytes, mtimeMs, mode, hash };
    });
}

export const objectPath = ({ directory }: Repository, hash: string): string =>
  join(directory, "objects", hash.slice(0, 2), hash);

/**
 * Keeps the octets of a file; says what they are. Undefined when the file is gone. It is not synced: who
 * writes `complete` syncs all first.
 */
export function keepFile(
  repository: Repository,
  path: string,
): { readonly hash: string; readonly sizeBytes: number; readonly isNew: boolean } | undefined {
  const tmp = join(repository.directory, "objects", "tmp");
  let source: number;
  try {
    source = openSync(path, "r");
  } catch (error) {
    if (["ENOENT", "ENOTDIR"].includes((error as NodeJS.ErrnoException).code ?? ""))
      return undefined;
    throw error;
  }
  try {
    const target = openSync(tmp, "w", 0o600);
    try {
      const { hash, sizeBytes } = copyOctets(source, target);
      return { hash, sizeBytes, isNew: putInPlace(repository, tmp, hash, sizeBytes) };
    } finally {
      closeSync(target);
    }
  } finally {
    closeSync(source);
  }
}

/** The same for octets that are no file. */
export function keepOctets(repository: Repository, octets: Buffer): string {
  const tmp = join(repository.directory, "objects", "tmp");
  writeFileSync(tmp, octets, { mode: 0o600 });
  const hash = sha256(octets);
  putInPlace(repository, tmp, hash, octets.length);
  return hash;
}

function putInPlace(repository: Repository, tmp: string, hash: string, sizeBytes: number): boolean {
  const path = objectPath(repository, hash);
  if (isWhole(repository, { hash, sizeBytes })) {
    rmSync(tmp);
    return false;
  }
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  renameSync(tmp, path);
  return true;
}

/** Whether the object is there and has the octets of its name. */
export function isWhole(
  repository: Repository,
  { hash, sizeBytes }: { readonly hash: string; readonly sizeBytes: number },
): boolean {
  const path = objectPath(repository, hash);
  if (statSync(path, { throwIfNoEntry: false })?.size !== sizeBytes) return false;
  const source = openSync(path, "r");
  try {
    return copyOctets(source, undefined).hash === hash;
  } finally {
    closeSync(source);
  }
}

/** Writes an object where it belongs, checked on the way. @throws CommandFailure */
export function putObject(repository: Repository, { hash }: ListedFile, path: string): void {
  const from = objectPath(repository, hash);
  const source = openOrSay(from);
  try {
    const target = openSync(path, "w", 0o600);
    try {
      if (copyOctets(source, target).hash !== hash) {
        throw new CommandFailure(`"${from}" is damaged: restore from another backup`);
      }
    } finally {
      closeSync(target);
    }
  } finally {
    closeSync(source);
  }
}

/** @throws CommandFailure */
export function objectOctets(repository: Repository, { hash }: ListedFile): Buffer {
  const path = objectPath(repository, hash);
  const octets = existsSync(path) ? readFileSync(path) : Buffer.alloc(0);
  if (sha256(octets) !== hash) {
    throw new CommandFailure(`"${path}" is damaged: restore from another backup`);
  }
  return octets;
}

function openOrSay(path: string): number {
  try {
    return openSync(path, "r");
  } catch (cause) {
    throw new CommandFailure(`"${path}" is missing: restore from another backup`, { cause });
  }
}

/** All of `source`, a piece at a time. */
function copyOctets(
  source: number,
  target: number | undefined,
): { readonly hash: string; readonly sizeBytes: number } {
  const hash = createHash("sha256");
  const piece = Buffer.allocUnsafe(PIECE_BYTES);
  let sizeBytes = 0;
  for (;;) {
    const length = readSync(source, piece, 0, PIECE_BYTES, null);
    if (length === 0) return { hash: hash.digest("hex"), sizeBytes };
    const read = piece.subarray(0, length);
    hash.update(read);
    sizeBytes += length;
    if (target === undefined) continue;
    for (let at = 0; at < length; ) at += writeSync(target, read, at);
  }
}

export const sha256 = (data: string | Buffer): string =>
  createHash("sha256").update(data).digest("hex");
