import { closeSync, openSync, realpathSync } from "node:fs";
import { setTimeout as wait } from "node:timers/promises";
import { limits } from "../limits.ts";
import { errnoOf } from "../maildir/durable-file.ts";
import { tryToLock, whyNoLocks } from "../mbox/fcntl-lock.ts";
import { heldByAnother, type LockedMbox, tryBoth } from "../mbox/mbox-lock.ts";
import { StoreError } from "../store-error.ts";

/**
 * Opens an mbox of another program and keeps all others from writing it: fcntl(2) and the dotlock, as
 * lockForWriting(), but from the event loop and also where the file may only be read.
 */
export async function lockSource(path: string): Promise<LockedMbox> {
  refuseWithoutLocks(path);
  const { fd, kind } = openForLock(path);
  const dotlockPath = `${realpathSync(path)}.lock`;
  return whenFree(path, fd, () => tryBoth(path, fd, dotlockPath, kind));
}

/** To look only: nothing is made beside the file, so that a program that takes no fcntl lock may write. */
export async function lockToLook(path: string): Promise<Disposable & { readonly fd: number }> {
  refuseWithoutLocks(path);
  const fd = openSync(path, "r");
  return whenFree(path, fd, () =>
    tryToLock(fd, "read") ? { fd, [Symbol.dispose]: () => closeSync(fd) } : undefined,
  );
}

async function whenFree<Lock>(path: string, fd: number, take: () => Lock | undefined) {
  const deadline = Date.now() + limits.lockWaitMs;
  try {
    for (;;) {
      const lock = take();
      if (lock !== undefined) return lock;
      if (Date.now() > deadline) throw heldByAnother(path);
      await wait(5);
    }
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/** A write lock wants a file that may be written; of one that may not, a read lock keeps writers out as well. */
function openForLock(path: string): { readonly fd: number; readonly kind: "read" | "write" } {
  try {
    return { fd: openSync(path, "r+"), kind: "write" };
  } catch (error) {
    if (!["EACCES", "EPERM", "EROFS"].includes(errnoOf(error) ?? "")) throw error;
    return { fd: openSync(path, "r"), kind: "read" };
  }
}

function refuseWithoutLocks(path: string): void {
  const why = whyNoLocks();
  if (why === undefined) return;
  throw new StoreError(
    "unavailable",
    `Cannot take over "${path}": without fcntl locks another program may write it meanwhile: ${why}`,
  );
}
