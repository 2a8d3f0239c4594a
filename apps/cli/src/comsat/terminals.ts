import { execFile } from "node:child_process";
import { closeSync, constants, openSync, writeSync } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

/** Where terminals are: those of windows and SSH, and those of the console and of lines. */
const directories = [
  { path: "/dev/pts", names: /^\d+$/ },
  { path: "/dev", names: /^tty(?:\d+|S\d+|AMA\d+|USB\d+)$/ },
] as const;

/** The number of a user of this host; undefined when there is none of that name. */
export async function uidOf(user: string): Promise<number | undefined> {
  if (!/^[a-z_][a-z\d_.-]{0,31}\$?$/i.test(user)) return undefined;
  try {
    const { stdout } = await promisify(execFile)("id", ["-u", "--", user], { timeout: 5000 });
    return Number(stdout);
  } catch {
    return undefined;
  }
}

/** Terminals of a user who has said `biff y`, which sets the owner's execute bit. */
export async function terminalsOf(uid: number): Promise<readonly string[]> {
  const found: string[] = [];
  for (const { path: directory, names } of directories) {
    for (const name of await readdir(directory).catch(() => [])) {
      if (!names.test(name)) continue;
      const path = join(directory, name);
      const about = await stat(path).catch(() => undefined);
      if (about?.isCharacterDevice() && about.uid === uid && (about.mode & 0o100) !== 0) {
        found.push(path);
      }
    }
  }
  return found;
}

/** False where it does not take it now: one that was stopped with Ctrl-S is waited for by nobody. */
export function writeTo(path: string, text: string): boolean {
  const { O_WRONLY, O_NOCTTY, O_NONBLOCK } = constants;
  let terminal: number | undefined;
  try {
    terminal = openSync(path, O_WRONLY | O_NOCTTY | O_NONBLOCK);
    const octets = Buffer.from(text);
    return writeSync(terminal, octets) === octets.length;
  } catch {
    return false;
  } finally {
    if (terminal !== undefined) closeSync(terminal);
  }
}
