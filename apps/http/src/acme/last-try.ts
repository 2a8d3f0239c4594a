import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { limits } from "../limits.ts";
import { writeDurably } from "./durable-file.ts";

/**
 * `state/http/last-try.json`, version 1, and one more for each of `[[acme.certificates]]`, by its first name. It is written before the ACME server is asked and again when
 * it has answered, so that neither a restart nor a process that dies in the middle asks sooner.
 */
export interface LastTry {
  /** Who was asked: a certificate from a server for trying is replaced when another is configured. */
  readonly directoryUrl: string;
  readonly atMs: number;
  /** Tries in a row that brought nothing. */
  readonly failures: number;
  /** Why, for the administrator. */
  readonly problem?: string;
}

const pathIn = (stateDirectory: string, firstName: string | undefined) =>
  join(stateDirectory, firstName === undefined ? "last-try.json" : `last-try-${firstName}.json`);

/** Undefined when nothing was ever asked, or the file is not one of ours: it only slows us down. */
export async function readLastTry(
  stateDirectory: string,
  firstName?: string,
): Promise<LastTry | undefined> {
  try {
    const read = JSON.parse(
      await readFile(pathIn(stateDirectory, firstName), "utf8"),
    ) as Partial<LastTry>;
    const { directoryUrl, atMs, failures, problem } = read;
    if (typeof directoryUrl !== "string" || !Number.isFinite(atMs) || !Number.isInteger(failures)) {
      return undefined;
    }
    return {
      directoryUrl,
      atMs: Number(atMs),
      failures: Math.max(0, Number(failures)),
      ...(typeof problem === "string" && { problem }),
    };
  } catch {
    return undefined;
  }
}

export const writeLastTry = (
  stateDirectory: string,
  last: LastTry,
  firstName?: string,
): Promise<void> =>
  writeDurably(pathIn(stateDirectory, firstName), `${JSON.stringify({ version: 1, ...last })}\n`, {
    mode: 0o600,
  });

/** How long nothing is asked after so many failures in a row. */
export function backOffMs(failures: number): number {
  if (failures === 0) return 0;
  return Math.min(limits.retryMsMin * 2 ** Math.min(failures - 1, 30), limits.retryMsMax);
}
