import callbackFs, { type PathLike } from "node:fs";
import fs, { type FileHandle } from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";
import { env, kill, pid } from "node:process";
import { callbackify, promisify } from "node:util";

/**
 * Loaded into smtp-out before anything else by crash.test.ts: the process dies by SIGKILL before or after a
 * change of the queue's files, or never gets over it. POSTHOUSE_DIE_AT is `before`, `after` or `never`, then
 *
 *   append     a record is written at the end of an entry
 *   record N   the N-th of them is on disk
 *   queued     something is put into the queue
 *   unlink     an entry is removed
 */
const [when = "", what = "", count = "1"] = (env.POSTHOUSE_DIE_AT ?? "").split(" ");
let left = Number(count);

async function passing<T>(step: string, run: () => Promise<T>): Promise<T> {
  if (step !== what) return await run();
  if (when === "never") return await new Promise(() => undefined);
  left -= 1;
  if (left === 0 && when === "before") kill(pid, "SIGKILL");
  const result = await run();
  if (left === 0) kill(pid, "SIGKILL");
  return result;
}

const isEntry = (path: unknown): boolean => String(path).includes("/queue/ready/");
const { open, unlink } = fs;
const rename = promisify(callbackFs.rename);

fs.open = async (path, flags, mode) => {
  const file = await open(path, flags, mode);
  const isAppended =
    isEntry(path) && typeof flags === "number" && (flags & fs.constants.O_APPEND) > 0;
  return isAppended ? recording(file) : file;
};
// The writer of the queue has the callback functions.
callbackFs.rename = callbackify((from: PathLike, to: PathLike) =>
  isEntry(to) ? passing("queued", () => rename(from, to)) : rename(from, to),
) as typeof callbackFs.rename;
fs.unlink = (path) => (isEntry(path) ? passing("unlink", () => unlink(path)) : unlink(path));
syncBuiltinESMExports();

/** What it says is on disk when this is over. */
function recording(file: FileHandle): FileHandle {
  const datasync = file.datasync.bind(file);
  const write = file.write.bind(file) as (octets: Buffer) => Promise<{ bytesWritten: number }>;
  Object.assign(file, { write: (octets: Buffer) => passing("append", () => write(octets)) });
  file.datasync = () => passing("record", datasync);
  return file;
}
