import { open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { crashPoint } from "./crash-point.ts";

/**
 * Puts `text` in the place of `path`, whole or not at all. What a reader finds at a crash:
 *
 *   state    path.tmp   path   after a crash here
 *   F1       none, part old    the old one is in place; path.tmp is replaced by the next write
 *   F2       whole      old    the same
 *   F3       -          new    the new one, or after a power cut perhaps the old one
 *   F4       -          new    the new one
 */
export async function writeDurably(
  path: string,
  text: string,
  { mode }: { readonly mode: number },
): Promise<void> {
  const tmp = `${path}.tmp`;
  await rm(tmp, { force: true });
  // "wx": in a directory that others write in too, what somebody put there meanwhile is not followed.
  const file = await open(tmp, "wx", mode);
  try {
    crashPoint("F1");
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  crashPoint("F2");
  await rename(tmp, path);
  crashPoint("F3");
  await syncDirectory(dirname(path));
  crashPoint("F4");
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, "r");
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
