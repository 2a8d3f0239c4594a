import { existsSync, lstatSync, readdirSync, statfsSync } from "node:fs";
import { dirname, join } from "node:path";
import { limits } from "../limits.ts";
import { syncDirectory } from "../maildir/durable-file.ts";
import { sizesInKey } from "../maildir/maildir-name.ts";
import { makeDirectory } from "../writer/folder-on-disk.ts";
import {
  dayOf,
  expungedMailName,
  expungedName,
  isDay,
  oldestDay,
  placeOf,
} from "./expunged-tree.ts";

/**
 * Where the writer puts what is expunged, for as long as there is room: up to so many octets and messages of
 * an account, and never on a disk that is nearly full, or else nobody could make room by deleting mail.
 * What finds no place is removed, as without any of this.
 */
export class ExpungedKeeper {
  readonly #accountPath: string;
  readonly #days: number | undefined;
  #room: { bytes: number; messages: number; readonly countedMs: number } | undefined;

  /** Undefined days: nothing is put aside, and what was stays. */
  constructor(accountPath: string, days: number | undefined) {
    this.#accountPath = accountPath;
    this.#days = days;
  }

  /** A directory for so much of this folder; undefined when it is to be removed at once. */
  placeFor(folder: string, what: { readonly bytes: number; readonly messages: number }) {
    if (this.#days === undefined || this.#days === 0) return undefined;
    try {
      const room = this.#roomNow();
      if (what.bytes > room.bytes || what.messages > room.messages) return undefined;
      const place = join(this.#accountPath, placeOf(dayOf(Date.now()), folder));
      if (!existsSync(place)) this.#make(place);
      room.bytes -= what.bytes;
      room.messages -= what.messages;
      return place;
    } catch {
      // A full disk above all: expunging has to work there.
      return undefined;
    }
  }

  /** Directories of days that are over; nobody may be waiting while they are removed. */
  overdue(): readonly string[] {
    const days = this.#days;
    if (days === undefined) return [];
    const roots = [expungedName, expungedMailName]
      .map((name) => join(this.#accountPath, name))
      .filter((path) => existsSync(path));
    if (days === 0) return roots;
    const oldest = oldestDay(days);
    return roots.flatMap((root) =>
      readdirSync(root)
        .filter((name) => isOverdue(name.replace(/^\./, ""), oldest))
        .map((name) => join(root, name)),
    );
  }

  #roomNow() {
    if (this.#room === undefined || Date.now() - this.#room.countedMs > limits.expungedCountedMs) {
      const used = usageOf(join(this.#accountPath, expungedName));
      const disk = statfsSync(this.#accountPath);
      const isDiskFull = disk.bavail < disk.blocks * limits.expungedDiskFreeMin;
      this.#room = {
        bytes: isDiskFull ? -1 : limits.expungedBytesMax - used.bytes,
        messages: limits.expungedMessagesMax - used.messages,
        countedMs: Date.now(),
      };
    }
    return this.#room;
  }

  /** On disk before anything is moved there. */
  #make(place: string): void {
    const made: string[] = [];
    for (let at = place; at !== this.#accountPath && !existsSync(at); at = dirname(at)) {
      made.unshift(at);
    }
    for (const directory of made) {
      makeDirectory(directory);
      syncDirectory(dirname(directory));
    }
  }
}

const isOverdue = (day: string, oldest: string): boolean => isDay(day) && day < oldest;

/** Of a directory with all below it. Names of ours say how large their files are. */
export function usageOf(directory: string): { readonly bytes: number; readonly messages: number } {
  let bytes = 0;
  let messages = 0;
  if (!existsSync(directory)) return { bytes, messages };
  for (const entry of readdirSync(directory, { withFileTypes: true, recursive: true })) {
    if (!entry.isFile()) continue;
    messages += 1;
    const key = entry.name.split(":", 1)[0] ?? "";
    const size =
      sizesInKey(key)?.fileBytes ??
      lstatSync(join(entry.parentPath, entry.name), { throwIfNoEntry: false })?.size;
    bytes += size ?? 0;
  }
  return { bytes, messages };
}
