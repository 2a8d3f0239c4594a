import { closeSync, constants, openSync, readSync } from "node:fs";
import { parentPort } from "node:worker_threads";
import type { ReadReply, ReadRequest } from "./read-jobs.ts";

/** Reads short files, many for one question. Why one could not be read is found out by who needs it. */
parentPort?.on("message", ({ number, paths, lengthsMax }: ReadRequest) => {
  const octets = new Uint8Array(lengthsMax.reduce((sum, length) => sum + length, 0));
  let at = 0;
  const lengths = paths.map((path, index) => {
    const lengthMax = lengthsMax[index] ?? 0;
    const length = readFile(path, octets, at, lengthMax);
    at += lengthMax;
    return length;
  });
  parentPort?.postMessage({ number, octets: octets.buffer, lengths } satisfies ReadReply, [
    octets.buffer,
  ]);
});

function readFile(path: string, into: Uint8Array, at: number, lengthMax: number): number {
  try {
    // A pipe that somebody has put there would be waited for.
    const file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      return readSync(file, into, at, lengthMax, 0);
    } finally {
      closeSync(file);
    }
  } catch {
    return -1;
  }
}
