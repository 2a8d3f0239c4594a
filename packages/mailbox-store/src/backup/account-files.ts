import { lstatSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { parseMaildirName } from "../maildir/maildir-name.ts";

/**
 * What a backup has to keep of an account: docs/store.md, "What survives". Indexes, locks and what was
 * never finished are left out, since they are made again or stand for nothing.
 */
export interface AccountFiles {
  /** Relative to the account, parents first; "." is the account itself. Empty mailboxes are among them. */
  readonly directories: readonly string[];
  readonly files: readonly AccountFile[];
}

export interface AccountFile {
  /** Relative to the account. */
  readonly path: string;
  /** The same for the same file however its flags change: a message never changes, only its name does. */
  readonly identity: string;
  readonly isMessage: boolean;
  readonly sizeBytes: number;
  readonly mtimeMs: number;
}

/** Where an account is: directory names of its domain and of itself. */
export interface AccountPlace {
  readonly domain: string;
  readonly localPart: string;
}

/** Every account of a mail directory, sorted. Directories that are being made begin with a dot. */
export function accountPlaces(mailDirectory: string): readonly AccountPlace[] {
  return directoriesIn(mailDirectory).flatMap((domain) =>
    directoriesIn(join(mailDirectory, domain)).map((localPart) => ({ domain, localPart })),
  );
}

const directoriesIn = (path: string): readonly string[] =>
  entriesOf(path)
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith("."))
    .map(({ name }) => name)
    .sort();

/**
 * One look at an account, not of one moment: other processes go on. Two looks that are equal, with
 * nothing between them but reading, are of one moment.
 */
export function accountFiles(accountPath: string): AccountFiles {
  const directories: string[] = [];
  const files: AccountFile[] = [];
  walk(accountPath, ".", directories, files);
  return { directories, files };
}

function walk(
  accountPath: string,
  directory: string,
  directories: string[],
  files: AccountFile[],
): void {
  directories.push(directory);
  const holdsMessages = /(?:^|\/)(?:cur|new)$/.test(directory);
  for (const entry of entriesOf(join(accountPath, directory))) {
    const path = directory === "." ? entry.name : `${directory}/${entry.name}`;
    if (entry.isDirectory()) {
      if (isUnfinished(entry.name)) continue;
      if (entry.name === "tmp") directories.push(path);
      else walk(accountPath, path, directories, files);
    } else if (entry.isFile() && (holdsMessages || !isMadeAgain(entry.name))) {
      const stat = lstatSync(join(accountPath, path), { throwIfNoEntry: false });
      if (stat === undefined) continue;
      files.push({
        path,
        identity: holdsMessages
          ? `${directory.replace(/(?:cur|new)$/, "")}${parseMaildirName(entry.name).key}`
          : path,
        isMessage: holdsMessages,
        sizeBytes: stat.size,
        mtimeMs: stat.mtimeMs,
      });
    }
  }
}

const isUnfinished = (name: string): boolean =>
  /^posthouse-(?:(?:making|deleted)\.|expunged(?:-mail)?$)/.test(name);

/** Also what only means something while a process is in the middle of it, but for the journal of an mbox. */
const isMadeAgain = (name: string): boolean =>
  /^(?:index|search)\.sqlite/.test(name) ||
  /\.lock(?:\.|$)/.test(name) ||
  /\.tmp-\d+-\d+$/.test(name) ||
  ["posthouse-changed", "posthouse-batch", "posthouse-adopted.taken"].includes(name);

function entriesOf(path: string) {
  try {
    return readdirSync(path, { withFileTypes: true });
  } catch (error) {
    // It was removed or renamed since its parent was read: the next look says so.
    if (["ENOENT", "ENOTDIR"].includes((error as NodeJS.ErrnoException).code ?? "")) return [];
    throw error;
  }
}
