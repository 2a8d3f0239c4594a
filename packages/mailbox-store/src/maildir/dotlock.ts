import { randomBytes } from "node:crypto";
import {
  closeSync,
  fsyncSync,
  linkSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  unlinkSync,
  writeSync,
} from "node:fs";
import { hostname, uptime } from "node:os";
import { join } from "node:path";
import { limits } from "../limits.ts";
import { LockedError } from "../store-error.ts";
import { errnoOf, fileMode } from "./durable-file.ts";

let linkSource: string | undefined;

/**
 * Makes the file that locks are hard links of. A link costs a tenth of a new file while other threads
 * wait for their fsync: the disk's journal holds up whoever wants a new inode. It stands in the mail
 * directory, and is taken away with releaseLinkSource(). Where it cannot be made, locks are files of
 * their own.
 */
export function makeLinkSource(mailDirectory: string): void {
  try {
    sweepLinkSources(mailDirectory);
    const name = `.posthouse-lock.${process.pid}.${randomBytes(4).toString("hex")}`;
    makeLock(join(mailDirectory, name), { isSynced: true });
    linkSource = join(mailDirectory, name);
  } catch {
    // The disk is full or gone: whatever is to be written says so itself.
  }
}

function sweepLinkSources(mailDirectory: string): void {
  for (const entry of readdirSync(mailDirectory)) {
    const pid = /^\.posthouse-lock\.(\d{1,10})\./.exec(entry)?.[1];
    if (pid !== undefined && !isAlive(Number(pid))) {
      rmSync(join(mailDirectory, entry), { force: true });
    }
  }
}

export function releaseLinkSource(): void {
  if (linkSource !== undefined) rmSync(linkSource, { force: true });
  linkSource = undefined;
}

/**
 * A lock file as Dovecot makes them: it holds `<pid>:<host>`, and is there while somebody writes. For
 * Dovecot's sake only: our own processes exclude each other by the transaction that is open here.
 *
 * A lock whose process is dead on this host or younger than the lock, or that is older than two minutes, is
 * nobody's; so is one from before this host was started, or that a power failure emptied. It is first moved
 * aside and looked at again, so that a lock made in between is not taken from its owner.
 */
export function takeDotlock(path: string): { release(): void } {
  const deadline = Date.now() + limits.dotlockWaitMs;
  for (;;) {
    const lock = tryDotlock(path);
    if (lock !== undefined) {
      inVain.delete(path);
      return lock;
    }
    const holder = holderOf(path);
    if (Date.now() > deadline || (holder !== undefined && inVain.get(path) === holder)) {
      noteInVain(path, holder);
      throw new LockedError("unavailable", `Cannot lock "${path}": another program holds it`);
    }
    sleepInThread(5);
  }
}

/** At once: undefined when another has it. */
export function tryDotlock(path: string): { release(): void } | undefined {
  do {
    if (tryToTake(path)) return { release: () => removeIfThere(path) };
  } while (breakStaleLock(path));
  return undefined;
}

/**
 * Who was waited for in vain, by lock. This thread is everybody's, so that it waits for one holder once and
 * shortly; then whoever asked tries again from the event loop, where waiting costs nobody anything.
 */
const inVain = new Map<string, string>();

function noteInVain(path: string, holder: string | undefined): void {
  if (holder === undefined) return;
  inVain.delete(path);
  inVain.set(path, holder);
  const oldest = inVain.keys().next().value;
  if (inVain.size > limits.openIndexesMax && oldest !== undefined) inVain.delete(oldest);
}

/** The very lock that is there now: a holder that lets go and comes again is another. */
function holderOf(path: string): string | undefined {
  const stats = statSync(path, { bigint: true, throwIfNoEntry: false });
  return stats && `${stats.ino}:${stats.ctimeNs}`;
}

/** One call to the system, where rmSync() makes three. */
function removeIfThere(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if (errnoOf(error) !== "ENOENT") throw error;
  }
}

function tryToTake(path: string): boolean {
  try {
    if (linkSource === undefined || !tryToLink(linkSource, path)) makeLock(path);
    return true;
  } catch (error) {
    if (errnoOf(error) === "EEXIST") return false;
    throw error;
  }
}

/** False where links do not reach: a folder that is a mount of its own, or our file was swept. */
function tryToLink(from: string, path: string): boolean {
  try {
    linkSync(from, path);
    return true;
  } catch (error) {
    if (errnoOf(error) === "EEXIST") throw error;
    return false;
  }
}

/** After a power failure a lock that was not synced is empty, and says nothing of its owner. */
function makeLock(path: string, { isSynced = false } = {}): void {
  const file = openSync(path, "wx", fileMode);
  try {
    writeSync(file, `${process.pid}:${hostname()}`);
    if (isSynced) fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

function breakStaleLock(path: string): boolean {
  try {
    const owner = readFileSync(path, "utf8");
    // A link changes only the ctime, as Dovecot knows too.
    const { mtimeMs, ctimeMs } = statSync(path);
    if (!isStale(owner, Math.max(mtimeMs, ctimeMs))) return false;
    const aside = `${path}.stale-${process.pid}-${process.hrtime.bigint()}`;
    renameSync(path, aside);
    if (readFileSync(aside, "utf8") !== owner) linkSync(aside, path);
    rmSync(aside, { force: true });
    return true;
  } catch (error) {
    // It went away while we looked, or its owner took it again: both are the next attempt's matter.
    if (errnoOf(error) === "ENOENT" || errnoOf(error) === "EEXIST") return true;
    throw error;
  }
}

function isStale(owner: string, madeMs: number): boolean {
  const ageMs = Date.now() - madeMs;
  if (ageMs > limits.staleLockMs) return true;
  const match = /^(\d{1,10}):(.+)$/.exec(owner.trim());
  if (match === null) return ageMs > limits.unsignedLockMs;
  if (match[2] !== hostname()) return false;
  // Made before this host was started: its number may be another process's now.
  if (ageMs > uptime() * 1000) return true;
  const pid = Number(match[1]);
  // Our own pid: in a container the number comes back after each restart, and we hold locks for milliseconds.
  if (pid === process.pid) return ageMs > 5_000;
  if (!isAlive(pid)) return true;
  const startedMs = startOfProcess(pid);
  return startedMs !== undefined && startedMs > madeMs + 2_000;
}

/** When a process began, of those that Linux shows us: a number that was given out again is not the holder. */
function startOfProcess(pid: number): number | undefined {
  try {
    // proc(5): the name may hold anything, and ends with the last ")"; the 22nd field counts clock ticks since boot.
    const fields = readFileSync(`/proc/${pid}/stat`, "latin1")
      .replace(/^.*\) /s, "")
      .split(" ");
    const bootSeconds = Number(/^btime (\d+)$/m.exec(readFileSync("/proc/stat", "latin1"))?.[1]);
    const startedMs = bootSeconds * 1000 + Number(fields[19]) * 10;
    return Number.isFinite(startedMs) ? startedMs : undefined;
  } catch {
    return undefined;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return errnoOf(error) !== "ESRCH";
  }
}

const never = new Int32Array(new SharedArrayBuffer(4));

/** Only in the writer thread, which has nothing else to do meanwhile. */
export function sleepInThread(ms: number): void {
  Atomics.wait(never, 0, 0, ms);
}
