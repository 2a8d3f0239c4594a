import {
  closeSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";
import { dirname } from "node:path";

export const fileMode = 0o660;
export const directoryMode = 0o2770;

/** Replaces a small file as a whole: a reader sees the old octets or the new ones, after any crash. */
export function replaceDurably(path: string, octets: string | Uint8Array): void {
  const tmp = `${path}.tmp-${process.pid}-${process.hrtime.bigint()}`;
  try {
    writeNew(tmp, octets);
    renameSync(tmp, path);
  } catch (error) {
    rmSync(tmp, { force: true });
    throw error;
  }
  syncDirectory(dirname(path));
}

/** A new file, its octets on disk; its name is durable only with its directory. */
export function writeNew(path: string, octets: string | Uint8Array): void {
  const bytes = typeof octets === "string" ? Buffer.from(octets) : octets;
  const file = openSync(path, "wx", fileMode);
  try {
    for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

export function syncDirectory(path: string): void {
  const directory = openSync(path, "r");
  try {
    fsyncSync(directory);
  } finally {
    closeSync(directory);
  }
}

/** undefined when there is no such file. */
export function readIfThere(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch (error) {
    if (errnoOf(error) === "ENOENT" || errnoOf(error) === "ENOTDIR") return undefined;
    throw error;
  }
}

export function errnoOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException | undefined)?.code;
}
