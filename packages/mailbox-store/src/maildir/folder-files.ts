import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { errnoOf } from "./durable-file.ts";
import { parseMaildirName } from "./maildir-name.ts";

/** Where a message's file is. */
export interface SeenFile {
  readonly key: string;
  readonly info: string;
  readonly isNew: boolean;
}

/** The path of a file below the folder. */
export function pathOfFile(folderPath: string, file: SeenFile): string {
  // Not join(): it goes through every character, and is called for each message of a STORE.
  return `${folderPath}/${file.isNew ? "new" : "cur"}/${file.key}${file.info}`;
}

/** INTERNALDATE is the file's time of modification, for a message of ours as for any other. */
export function internalDateMsOf(stats: { readonly mtimeMs: number }): number {
  return Math.round(stats.mtimeMs);
}

/**
 * Every message file of a folder by key. new/ is read first, so that a file on its way to cur/ is seen
 * at least once. While another program renames files, a listing may miss some: see scan.ts.
 */
export function listMessageFiles(folderPath: string): Map<string, SeenFile> {
  const files = new Map<string, SeenFile>();
  for (const [directory, isNew] of [
    ["new", true],
    ["cur", false],
  ] as const) {
    for (const entry of readDirectory(join(folderPath, directory))) {
      if (entry.startsWith(".") || !canBeKey(entry)) continue;
      const { key, info } = parseMaildirName(entry);
      files.set(key, { key, info, isNew });
    }
  }
  return files;
}

/**
 * Whether plain files can name it: none can hold a line end, and what is not UTF-8 was read with U+FFFD in
 * it, under which name there is no file.
 */
export function canBeKey(fileName: string): boolean {
  return !/[\p{Cc}\ufffd]/u.test(fileName);
}

/** The modification times of new/ and cur/ in ns, as text: numbers lose their last digits. */
export interface DirectoryTimes {
  readonly newMtime: string;
  readonly curMtime: string;
  /** When they were read. */
  readonly recordedMs: number;
}

export function directoryTimes(folderPath: string): DirectoryTimes {
  return {
    recordedMs: Date.now(),
    newMtime: mtimeOf(join(folderPath, "new")),
    curMtime: mtimeOf(join(folderPath, "cur")),
  };
}

function readDirectory(path: string): string[] {
  try {
    return readdirSync(path);
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return [];
    throw error;
  }
}

function mtimeOf(path: string): string {
  try {
    return statSync(path, { bigint: true }).mtimeNs.toString();
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return "none";
    throw error;
  }
}
