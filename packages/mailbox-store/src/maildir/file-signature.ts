import { type BigIntStats, statSync } from "node:fs";
import { stat } from "node:fs/promises";
import { errnoOf } from "./durable-file.ts";

/** Changes with every change of the file; empty when there is none. */
export function fileSignature(path: string): string {
  const stats = statSync(path, { bigint: true, throwIfNoEntry: false });
  return stats === undefined ? "" : signatureOf(stats);
}

/** The same on the event loop. */
export async function readFileSignature(path: string): Promise<string> {
  try {
    return signatureOf(await stat(path, { bigint: true }));
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return "";
    throw error;
  }
}

export function signatureOf({ ino, size, mtimeNs }: BigIntStats): string {
  return `${ino}:${size}:${mtimeNs}`;
}
