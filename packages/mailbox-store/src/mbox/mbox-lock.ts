import { closeSync, openSync, realpathSync, utimesSync } from "node:fs";
import { limits } from "../limits.ts";
import { sleepInThread, tryDotlock } from "../maildir/dotlock.ts";
import { errnoOf } from "../maildir/durable-file.ts";
import { LockedError, StoreError } from "../store-error.ts";
import { type LockKind, tryToLock, whyNoLocks } from "./fcntl-lock.ts";

/** An mbox that is open and locked. */
export interface LockedMbox extends Disposable {
  readonly fd: number;
  /** For whoever holds it for minutes: mutt and Dovecot take a dotlock of that age for a dead program's. */
  touch(): void;
}

/**
 * Opens an mbox and locks it for writing, as Debian's policy §11.6, mutt and Dovecot do: first fcntl(2),
 * then the dotlock, neither with waiting; when one is taken, both are given back and tried again. Only
 * in the writer thread, which waits shortly: whoever asked tries again for longer, from the event loop.
 *
 * The dotlock stands beside the file that a symbolic link leads to. Where the directory allows none, as
 * /var/mail to some users, fcntl alone has to do, which all these programs take.
 */
export function lockForWriting(path: string): LockedMbox {
  refuseWithoutLocks(path);
  const deadline = Date.now() + limits.dotlockWaitMs;
  const dotlockPath = `${realpathSync(path)}.lock`;
  const fd = openSync(path, "r+");
  try {
    for (;;) {
      const locked = tryBoth(path, fd, dotlockPath);
      if (locked !== undefined) return locked;
      if (Date.now() > deadline) throw heldByAnother(path);
      sleepInThread(5);
    }
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/** mbox files are only read where fcntl(2) cannot be called: without it another program's write is not excluded. */
export function refuseWithoutLocks(path: string): void {
  const why = whyNoLocks();
  if (why === undefined) return;
  throw new StoreError(
    "unavailable",
    `Cannot change "${path}": mbox files are read-only here, since fcntl locks are not to be had: ${why}`,
  );
}

export function heldByAnother(path: string): StoreError {
  return new LockedError("unavailable", `Cannot lock "${path}": another program holds it`);
}

/** At once; undefined when one of the two is taken. A "read" lock lets others read, and keeps all from writing. */
export function tryBoth(
  path: string,
  fd: number,
  dotlockPath: string,
  kind: Exclude<LockKind, "unlock"> = "write",
): LockedMbox | undefined {
  if (!tryToLock(fd, kind)) return undefined;
  const dotlock = tryDotlockIfAllowed(dotlockPath);
  if (dotlock !== "held") {
    return {
      fd,
      touch() {
        const now = new Date();
        if (dotlock !== undefined) utimesSync(dotlockPath, now, now);
      },
      [Symbol.dispose]() {
        dotlock?.release();
        closeSync(fd);
      },
    };
  }
  if (!tryToLock(fd, "unlock")) throw heldByAnother(path);
  return undefined;
}

function tryDotlockIfAllowed(path: string): { release(): void } | "held" | undefined {
  try {
    return tryDotlock(path) ?? "held";
  } catch (error) {
    const code = errnoOf(error);
    if (code === "EACCES" || code === "EPERM" || code === "EROFS") return undefined;
    throw error;
  }
}
