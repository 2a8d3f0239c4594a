import { opendir, stat, unlink } from "node:fs/promises";
import { join } from "node:path";
import { destinationOf } from "./destination.ts";
import { isEntryId } from "./entry-id.ts";
import type { IndexClient } from "./index-client.ts";
import type { AdmittedEntry } from "./index-database.ts";
import { limits } from "./limits.ts";
import { SpoolDamaged } from "./spool-damaged.ts";
import type { SpoolDirectories } from "./spool-directories.ts";
import { readSpoolFile, type SpoolEntry } from "./spool-file.ts";

export interface ScanReport {
  /** Entries that the index did not know. */
  readonly admitted: number;
  /** Files in ready/ that cannot be read as entries; `queue check` says why. */
  readonly damaged: readonly { readonly name: string; readonly reason: string }[];
  /** Drafts and held entries of writers that died. */
  readonly swept: number;
}

/**
 * Reads the names of the whole spool, as a stream, and the files of those entries only that the
 * index does not know. Its cost grows with the queue, so that it runs at start and seldom after it;
 * in between smtp-out is told of each new entry by name.
 */
export async function scanSpool(
  directories: SpoolDirectories,
  index: IndexClient,
  nowMs: number,
): Promise<ScanReport> {
  let admitted = 0;
  const damaged: { name: string; reason: string }[] = [];
  for await (const names of namesIn(directories.ready)) {
    for (const name of names.filter((one) => !isEntryId(one))) {
      damaged.push({ name, reason: "Its name is not that of a queue entry" });
    }
    const unknown = await index.call("unknownOf", names.filter(isEntryId));
    // Several at a time, which share one transaction of the index.
    for (let at = 0; at < unknown.length; at += limits.admittedAtATime) {
      const ids = unknown.slice(at, at + limits.admittedAtATime);
      const results = await Promise.all(ids.map((id) => admit(directories, index, id, nowMs)));
      for (const [n, result] of results.entries()) {
        if (result instanceof SpoolDamaged) {
          damaged.push({ name: ids[n] ?? "", reason: result.message });
        } else if (result) admitted += 1;
      }
    }
  }
  const swept =
    (await sweep(directories.tmp, nowMs - limits.tmpAgeMsMax)) +
    (await sweep(directories.held, nowMs - limits.heldAgeMsMax));
  return { admitted, damaged, swept };
}

/** False when it was known before, or is gone. */
export async function admit(
  directories: SpoolDirectories,
  index: IndexClient,
  id: string,
  nowMs: number,
): Promise<boolean | SpoolDamaged> {
  try {
    const path = join(directories.ready, id);
    const row = admittedEntry(id, await readSpoolFile(path), nowMs);
    if (row.recipients.some(({ isOver }) => !isOver)) return await index.call("admit", row);
    // Its process died between the last outcome and the unlink.
    await unlink(path);
    return false;
  } catch (error) {
    if (error instanceof SpoolDamaged) return error;
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return false;
    throw error;
  }
}

/** The names in a directory, in groups. */
export async function* namesIn(path: string): AsyncGenerator<string[]> {
  let names: string[] = [];
  for await (const { name } of await opendir(path, { bufferSize: 512 })) {
    names.push(name);
    if (names.length < 512) continue;
    yield names;
    names = [];
  }
  if (names.length > 0) yield names;
}

function admittedEntry(id: string, entry: SpoolEntry, nowMs: number): AdmittedEntry {
  const { envelope, outcomes, notified } = entry;
  return {
    id,
    messageId: envelope.messageId,
    reversePath: envelope.reversePath,
    receivedAtMs: envelope.receivedAtMs,
    messageBytes: entry.messageBytes,
    isHeld: entry.isHeld,
    ...(entry.heldBy !== undefined && { heldBy: entry.heldBy }),
    dueMs: Math.max(nowMs, envelope.holdUntilMs ?? 0),
    priority: envelope.priority,
    isImmediate: (envelope.holdUntilMs ?? 0) <= nowMs,
    recipients: envelope.recipients.map((recipient, n) => {
      const outcome = outcomes.get(n);
      const isTold = outcome?.tellsSender !== true || notified.has(n);
      return {
        address: recipient.address,
        destination: destinationOf(recipient),
        isOver: outcome !== undefined && isTold,
        status: outcome?.status,
      };
    }),
  };
}

async function sweep(directory: string, olderThanMs: number): Promise<number> {
  let swept = 0;
  for await (const names of namesIn(directory)) {
    for (const name of names) {
      const path = join(directory, name);
      try {
        if ((await stat(path)).mtimeMs >= olderThanMs) continue;
        await unlink(path);
        swept += 1;
      } catch (error) {
        // Its writer was quicker than we.
        if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
      }
    }
  }
  return swept;
}
