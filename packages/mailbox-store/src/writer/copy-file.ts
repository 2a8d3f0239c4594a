import {
  closeSync,
  copyFileSync,
  fsyncSync,
  futimesSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { errnoOf } from "../maildir/durable-file.ts";

/** Octets and modification time (which is INTERNALDATE), whole on disk before the name is there. */
export function copyFileDurably(from: string, to: string, tmpDirectory: string): void {
  let tmp = join(tmpDirectory, basename(to));
  try {
    copyAndSync(from, tmp);
    renameSync(tmp, to);
  } catch (error) {
    rmSync(tmp, { force: true });
    if (errnoOf(error) !== "EXDEV") throw error;
    // The folder is a mount of its own: it has its own tmp/.
    tmp = join(dirname(to), "..", "tmp", basename(to));
    copyAndSync(from, tmp);
    renameSync(tmp, to);
  }
}

function copyAndSync(from: string, to: string): void {
  copyFileSync(from, to);
  const { atime, mtime } = statSync(from);
  const file = openSync(to, "r+");
  try {
    futimesSync(file, atime, mtime);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}
