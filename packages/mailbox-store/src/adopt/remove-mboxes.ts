import {
  existsSync,
  fstatSync,
  ftruncateSync,
  lstatSync,
  readdirSync,
  rmdirSync,
  rmSync,
} from "node:fs";
import { join } from "node:path";
import { crashPoint } from "../crash-point.ts";
import { signatureOfOpenMbox } from "../mbox/mbox-folder.ts";
import { isControlFile } from "./find-mboxes.ts";
import { lockSource } from "./lock-source.ts";
import type { SourceFolder, SourceTree } from "./source-tree.ts";

/** A line of posthouse-adopted.taken: `mbox remove 123:456:789 "/home/ann/mail/Sent"`. */
export function takenMbox(tree: SourceTree, folder: SourceFolder, signature: string): string {
  // The spool file stays, empty, as mail readers leave it: programs that deliver may wait for it.
  const isInside = folder.path.startsWith(`${tree.path}/`);
  return `mbox ${isInside ? "remove" : "empty"} ${signature} ${JSON.stringify(folder.path)}`;
}

/**
 * Removes the mboxes that were taken over and are what they were then; gives a sentence for each that is
 * not. Each is emptied while it is locked, before its name goes, so that who waits for the lock finds
 * nothing twice.
 */
export async function removeMboxes(source: string, taken: Iterable<string>): Promise<string[]> {
  const left: string[] = [];
  for (const line of taken) {
    const match = /^mbox (remove|empty) (\S+) (".*")$/.exec(line);
    if (match === null) continue;
    const [, what, signature, written = '""'] = match;
    const path = JSON.parse(written) as string;
    if (lstatSync(path, { throwIfNoEntry: false }) === undefined || !existsSync(path)) continue;
    const isGone = await emptyMbox(path, signature ?? "", what === "remove");
    if (!isGone) {
      left.push(
        `"${path}" was changed after it was taken over, and stays: look for what came late`,
      );
    }
  }
  removeControlFiles(source);
  return left;
}

async function emptyMbox(path: string, signature: string, isRemoved: boolean): Promise<boolean> {
  using locked = await lockSource(path);
  const isEmpty = fstatSync(locked.fd).size === 0;
  if (!isEmpty && signatureOfOpenMbox(locked.fd) !== signature) return false;
  if (!isEmpty) ftruncateSync(locked.fd);
  crashPoint("T5");
  if (isRemoved) rmSync(path, { force: true });
  return true;
}

/** Where nothing else is left. A Maildir among the mboxes is removed as such. */
function removeControlFiles(path: string): void {
  const entries = existsSync(path) && lstatSync(path).isDirectory() ? readdirSync(path) : [];
  for (const entry of entries) {
    const below = join(path, entry);
    if (entry.startsWith(".") || !lstatSync(below).isDirectory()) continue;
    removeControlFiles(below);
    if (readdirSync(below).length === 0) rmdirSync(below);
  }
  const left = entries.filter((entry) => existsSync(join(path, entry)));
  const control = left.filter((entry) => isControlFile(path, entry));
  if (control.length < left.length) return;
  for (const entry of control) rmSync(join(path, entry), { recursive: true });
}
