import { existsSync, readFileSync, statfsSync } from "node:fs";
import { dirname } from "node:path";
import { counted } from "../counted.ts";
import type { Finding } from "./finding.ts";

const MIB = 1024 * 1024;
const GIB = 1024 * MIB;

/** Where mail is kept: room, and files that can still be made. */
export function diskFinding(directory: string): Finding {
  const existing = nearestExisting(directory);
  const { bavail, bsize, files, ffree } = statfsSync(existing);
  const freeBytes = bavail * bsize;
  const id = "disk";
  const says = `The disk of "${existing}" has ${sized(freeBytes)} left`;
  // Some file systems make inodes as they go, and say 0 of 0.
  if (files > 0 && ffree < files / 50) {
    return {
      id,
      state: ffree === 0 ? "bad" : "warning",
      says: `The disk of "${existing}" can hold only ${counted(ffree, "more file")}`,
      fix: "Each message is a file: make room, or make the file system anew with more inodes",
    };
  }
  if (freeBytes < 256 * MIB)
    return { id, state: "bad", says, fix: "Make room: no mail can be taken soon" };
  if (freeBytes < 2 * GIB)
    return { id, state: "warning", says, fix: "Make room, or a larger disk" };
  return { id, state: "good", says };
}

/** All servers together need some 400 MiB at rest. */
export function memoryFinding(text = readFileSync("/proc/meminfo", "utf8")): Finding {
  const kibibytes = (name: string) =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(text)?.[1] ?? 0);
  const bytes = (kibibytes("MemTotal") + kibibytes("SwapTotal")) * 1024;
  const says = `This machine has ${sized(bytes)} of memory and swap`;
  const id = "memory";
  return bytes < 900 * MIB
    ? { id, state: "warning", says, fix: "The servers need some 400 MiB: add swap, or memory" }
    : { id, state: "good", says };
}

const sized = (bytes: number): string =>
  bytes < GIB ? `${Math.floor(bytes / MIB)} MiB` : `${(bytes / GIB).toFixed(1)} GiB`;

export function nearestExisting(path: string): string {
  return existsSync(path) ? path : nearestExisting(dirname(path));
}
