import { createRequire } from "node:module";
import { endianness } from "node:os";

/**
 * fcntl(2) locks of open file descriptions, which Node does not have: libc is called through koffi.
 *
 * They exclude the record locks that mutt, Dovecot and procmail take. Those of POSIX themselves would
 * not do: they go when any descriptor of the file in this process is closed, by whatever thread.
 */
export type LockKind = "read" | "write" | "unlock";

const F_OFD_SETLK = 37;
/** F_RDLCK, F_WRLCK, F_UNLCK */
const lockTypes = { read: 0, write: 1, unlock: 2 } as const;
const EAGAIN = 11;
const EACCES = 13;

/** struct flock of Linux: two shorts, then offsets of 64 bits, aligned to 8; all else zero is "the whole file". */
const flockBytes = 32;

interface Libc {
  fcntl(fd: number, command: number, type: string, flock: Buffer): number;
  errno(): number;
}

let loaded: Libc | Error | undefined;

/** Why there are no locks here, as the end of a sentence; undefined where there are. */
export function whyNoLocks(): string | undefined {
  const libc = load();
  return libc instanceof Error ? libc.message : undefined;
}

/** At once: false when another has the file. The lock goes when the file is closed. */
export function tryToLock(fd: number, kind: LockKind): boolean {
  const libc = load();
  if (libc instanceof Error) throw libc;
  const flock = Buffer.alloc(flockBytes);
  const type = lockTypes[kind];
  if (endianness() === "LE") flock.writeInt16LE(type, 0);
  else flock.writeInt16BE(type, 0);
  if (libc.fcntl(fd, F_OFD_SETLK, "void *", flock) === 0) return true;
  const errno = libc.errno();
  if (errno === EAGAIN || errno === EACCES) return false;
  throw new Error(`fcntl(F_OFD_SETLK) failed with errno ${errno}`);
}

function load(): Libc | Error {
  if (loaded !== undefined) return loaded;
  try {
    if (process.platform !== "linux") throw new Error(`not written for ${process.platform}`);
    const koffi = createRequire(import.meta.url)("koffi") as typeof import("koffi");
    const fcntl = koffi.load(null).func("int fcntl(int fd, int cmd, ...)");
    loaded = { fcntl: (...args) => Number(fcntl(...args)), errno: () => koffi.errno() };
  } catch (error) {
    loaded = error instanceof Error ? error : new Error(String(error));
  }
  return loaded;
}
