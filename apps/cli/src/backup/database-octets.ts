import { execFileSync } from "node:child_process";
import { statSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { databaseOctets } from "@posthouse/accounts/directory";
import { OWNED_DIRECTORY } from "../become-owner-first.ts";
import { CommandFailure } from "../command-failure.ts";

const DATABASE_BYTES_MAX = 2 ** 31 - 1;

/**
 * A database of apps/auth as of one moment, while auth uses it. Where another owns the directory, in another process,
 * which becomes the owner first: SQLite makes files beside a database that it opens.
 */
export function databaseOctetsOf(path: string): Buffer {
  const script = fileURLToPath(import.meta.resolve("./print-database.ts"));
  const directory = dirname(path);
  const isOurs = statSync(directory).uid === process.getuid?.();
  if (isOurs) return databaseOctets(path);
  const owner = import.meta.resolve("../become-owner-first.ts");
  try {
    return execFileSync(process.execPath, ["--import", owner, script, path], {
      maxBuffer: DATABASE_BYTES_MAX,
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, [OWNED_DIRECTORY]: directory },
    });
  } catch (cause) {
    const said = (cause as { stderr?: Buffer }).stderr?.toString().trim().split("\n").at(-1);
    throw new CommandFailure(
      `Cannot copy the database "${path}": ${said ?? (cause as Error).message}`,
      {
        cause,
      },
    );
  }
}
