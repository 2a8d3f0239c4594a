import { open } from "node:fs/promises";
import { limits } from "../limits.ts";
import { fileMode } from "../maildir/durable-file.ts";
import { signatureOfOpenMbox } from "../mbox/mbox-folder.ts";
import { sourceOf } from "../mbox/mbox-journal.ts";
import { octetsBetween } from "../mbox/mbox-scanner.ts";
import { lockSource } from "./lock-source.ts";
import type { SourceFolder } from "./source-tree.ts";

/**
 * An mbox as it is: the store reads UIDs, flags and keywords from it when it first opens it, and gives
 * UIDs to messages that have none. Gives the signature of what was copied.
 */
export async function copyMbox(folder: SourceFolder, to: string): Promise<string> {
  using locked = await lockSource(folder.path);
  const source = sourceOf(locked.fd);
  await using file = await open(to, "wx", fileMode);
  let touchedMs = Date.now();
  for (const octets of octetsBetween(source, 0, source.sizeBytes)) {
    await file.appendFile(octets);
    if (Date.now() - touchedMs < limits.staleLockMs / 4) continue;
    touchedMs = Date.now();
    locked.touch();
  }
  await file.sync();
  return signatureOfOpenMbox(locked.fd);
}
