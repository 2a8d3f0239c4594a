import { rename } from "node:fs/promises";
import { join } from "node:path";
import { isEntryId } from "./entry-id.ts";
import type { IndexClient } from "./index-client.ts";
import { admit, namesIn } from "./scan.ts";
import { SpoolDamaged } from "./spool-damaged.ts";
import type { SpoolDirectories } from "./spool-directories.ts";
import { readSpoolFile } from "./spool-file.ts";

export interface CheckReport {
  /** Whole entries in the spool. */
  readonly entries: number;
  /** Files that cannot be read as entries. Repair moves them to damaged/, where nothing touches them. */
  readonly damaged: readonly { readonly name: string; readonly reason: string }[];
  /** Entries that the index did not know. Repair takes them in. */
  readonly unknown: readonly string[];
  /** What the index knew and the spool has not. Repair forgets it. */
  readonly missing: readonly string[];
}

/** Reads every file whole. smtp-out may run meanwhile: what it finishes in between is no finding. */
export async function checkSpool(
  directories: SpoolDirectories,
  index: IndexClient,
  { repair, nowMs }: { readonly repair: boolean; readonly nowMs: number },
): Promise<CheckReport> {
  const { entries, damaged, unknown } = await checkFiles(directories, index);
  const missing = await missingOf(directories, index);
  if (repair) {
    for (const { name } of damaged) {
      await rename(join(directories.ready, name), join(directories.damaged, name));
      await index.call("forget", name);
    }
    for (const id of unknown) await admit(directories, index, id, nowMs);
    for (const id of missing) await index.call("forget", id);
  }
  return { entries, damaged, unknown, missing };
}

async function checkFiles(directories: SpoolDirectories, index: IndexClient) {
  let entries = 0;
  const damaged: { name: string; reason: string }[] = [];
  const unknown: string[] = [];
  for await (const names of namesIn(directories.ready)) {
    const newNames = new Set(await index.call("unknownOf", names));
    for (const name of names) {
      const reason = await damageOf(join(directories.ready, name), name);
      if (reason === "gone") continue;
      if (reason !== undefined) damaged.push({ name, reason });
      else {
        entries += 1;
        if (newNames.has(name)) unknown.push(name);
      }
    }
  }
  return { entries, damaged, unknown };
}

async function damageOf(path: string, name: string): Promise<string | undefined> {
  if (!isEntryId(name)) return "Its name is not that of a queue entry";
  try {
    const entry = await readSpoolFile(path);
    return (await entry.isMessageWhole()) ? undefined : "Its message was changed on disk";
  } catch (error) {
    if (error instanceof SpoolDamaged) return error.message;
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return "gone";
    throw error;
  }
}

async function missingOf(directories: SpoolDirectories, index: IndexClient): Promise<string[]> {
  const missing: string[] = [];
  for (let last = ""; ; ) {
    const ids = await index.call("idsAfter", last, 512);
    if (ids.length === 0) break;
    for (const id of ids) {
      if ((await damageOf(join(directories.ready, id), id)) === "gone") missing.push(id);
    }
    last = ids.at(-1) ?? "";
  }
  // Delivered while we looked: then the index has forgotten it by now.
  const unknownNow = new Set(await index.call("unknownOf", missing));
  return missing.filter((id) => !unknownNow.has(id));
}
