import { fdatasync, fsync, open, rename, unlink, writev } from "node:fs";
import { promisify } from "node:util";

/**
 * What makes an entry, each a trip to the thread pool. The callback functions: those of fs/promises take twice the
 * processor time, and every message for other hosts comes through here. Tests put others in their place.
 */
export const fileCalls = {
  open: promisify(open),
  write: promisify(writev) as (
    fd: number,
    pieces: readonly Uint8Array[],
    position: number,
  ) => Promise<{ bytesWritten: number }>,
  datasync: promisify(fdatasync),
  sync: promisify(fsync),
  rename: promisify(rename),
  unlink: promisify(unlink),
};
