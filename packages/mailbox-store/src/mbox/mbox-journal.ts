import {
  closeSync,
  existsSync,
  fdatasyncSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";
import { dirname } from "node:path";
import { holdsNul } from "@posthouse/message";
import { crashPoint } from "../crash-point.ts";
import { limits } from "../limits.ts";
import { fileMode, syncDirectory } from "../maildir/durable-file.ts";
import { type OctetSource, octetsBetween, scanMbox } from "./mbox-scanner.ts";

/**
 * An mbox is changed in place, since mutt and Dovecot hold locks on this very file and wait for them: a
 * new file under its name would be another, and what they then append goes to one that nobody sees. What
 * is to be written is therefore written down first, in `posthouse-mbox-journal` beside it:
 *
 *   posthouse-mbox-journal 1
 *   size <octets> <octets>        of the mbox before, and with the ranges in place
 *   range <offset> <octets>       and so many octets follow, to be written there
 *   end
 *
 *   state   journal   mbox                              index       after a crash here
 *   J1      part      old                               -           nothing happened; swept
 *   J2      whole     old, or some ranges written       -           whoever locks it next writes them all again
 *   J3      whole     changed, some of what is new       -          as J2; a message that is not whole is cut off
 *   J4      whole     all, synced                       -           as J2
 *   J5      -         all, synced                       -           the next scan reads it so
 *   J6      -         all, synced                       committed   done
 *
 * Until then the dotlock of the dead process, which mutt and Dovecot respect for two minutes and more,
 * keeps other programs out. Should one have appended nevertheless, its messages stay.
 *
 * What comes at the end is not written twice, and goes before any change that moves what is there: a
 * message that is moved within one mbox is in it at every moment.
 */
export interface MboxChange {
  /** Ascending and apart from each other. */
  readonly edits: readonly Edit[];
  /** What comes at the end, in pieces; undefined for nothing. */
  readonly appended: Iterable<Uint8Array> | undefined;
}

/** Octets that take the place of others. */
export interface Edit {
  readonly start: number;
  readonly end: number;
  readonly octets: Uint8Array;
}

export function applyChange(fd: number, journalPath: string, change: MboxChange): void {
  const isMoving = ({ start, end, octets }: Edit) => octets.length !== end - start;
  const still = change.edits.filter((edit) => !isMoving(edit));
  const moving = change.edits.filter(isMoving);
  if (still.length > 0 || change.appended !== undefined) {
    applyOnce(fd, journalPath, still, change.appended ?? nothing);
  }
  if (moving.length > 0) applyOnce(fd, journalPath, moving, nothing);
}

const nothing: readonly Uint8Array[] = [];

function applyOnce(
  fd: number,
  journalPath: string,
  edits: readonly Edit[],
  appended: Iterable<Uint8Array>,
): void {
  const what = appended === nothing ? "edit" : "append";
  const source = sourceOf(fd);
  const { ranges, sizeBytes } = rangesOf(source, edits);
  writeJournal(journalPath, ranges, source.sizeBytes, sizeBytes);
  crashPoint("J2", what);
  copyRanges(journalPath, fd);
  if (sizeBytes < source.sizeBytes) ftruncateSync(fd, sizeBytes);
  let at = sizeBytes;
  try {
    for (const octets of appended) {
      at += writeAll(fd, octets, at);
      crashPoint("J3", what);
    }
  } catch (error) {
    // A full disk: what was there before stays, and nothing half.
    ftruncateSync(fd, sizeBytes);
    throw error;
  }
  fsyncSync(fd);
  crashPoint("J4", what);
  // Gone on disk before the commit: the transaction syncs the directory.
  rmSync(journalPath, { force: true });
  crashPoint("J5", what);
}

/** Finishes what a crash interrupted. The mbox is locked for writing. */
export function recover(fd: number, journalPath: string): boolean {
  if (!existsSync(journalPath)) return false;
  const sizes = copyRanges(journalPath, fd);
  if (sizes !== undefined) {
    // What another program appended since begins where the mbox ended before it shrank.
    const { size } = fstatSync(fd);
    const isShrunk = sizes.after < sizes.before && size < sizes.before;
    const start = isShrunk ? sizes.after : Math.max(sizes.before, sizes.after);
    keepWhole(fd, Math.min(start, size), sizes.after);
  }
  fsyncSync(fd);
  rmSync(journalPath, { force: true });
  syncDirectory(dirname(journalPath));
  return true;
}

export function sourceOf(fd: number): OctetSource {
  return {
    sizeBytes: fstatSync(fd).size,
    read(offset, length) {
      const octets = Buffer.allocUnsafe(length);
      let filled = 0;
      while (filled < length) {
        const count = readSync(fd, octets, filled, length - filled, offset + filled);
        if (count === 0) break;
        filled += count;
      }
      return octets.subarray(0, filled);
    },
  };
}

interface Range {
  readonly offset: number;
  readonly sizeBytes: number;
  readonly octets: Iterable<Uint8Array>;
}

/** Edits that keep their length are ranges of their own; from the first that does not, all of the rest is one. */
function rangesOf(
  source: OctetSource,
  edits: readonly Edit[],
): { readonly ranges: readonly Range[]; readonly sizeBytes: number } {
  const firstMoving = edits.findIndex(({ start, end, octets }) => octets.length !== end - start);
  const still = firstMoving < 0 ? edits : edits.slice(0, firstMoving);
  const ranges: Range[] = still.map(({ start, octets }) => ({
    offset: start,
    sizeBytes: octets.length,
    octets: [octets],
  }));
  const moving = firstMoving < 0 ? [] : edits.slice(firstMoving);
  const [first] = moving;
  if (first === undefined) return { ranges, sizeBytes: source.sizeBytes };
  const moved = moving.reduce(
    (sum, { start, end, octets }) => sum + octets.length - (end - start),
    0,
  );
  const sizeBytes = source.sizeBytes + moved;
  ranges.push({
    offset: first.start,
    sizeBytes: sizeBytes - first.start,
    octets: restOf(source, moving),
  });
  return { ranges, sizeBytes };
}

function* restOf(source: OctetSource, edits: readonly Edit[]): Generator<Uint8Array> {
  for (const [at, { end, octets }] of edits.entries()) {
    yield octets;
    yield* octetsBetween(source, end, edits[at + 1]?.start ?? source.sizeBytes);
  }
}

const header = "posthouse-mbox-journal 1\n";

function writeJournal(path: string, ranges: readonly Range[], before: number, after: number): void {
  const tmp = `${path}.tmp-${process.pid}-${process.hrtime.bigint()}`;
  const file = openSync(tmp, "wx", fileMode);
  try {
    const write = (octets: Uint8Array) => writeAll(file, octets, null);
    write(Buffer.from(`${header}size ${before} ${after}\n`));
    for (const range of ranges) {
      write(Buffer.from(`range ${range.offset} ${range.sizeBytes}\n`));
      for (const octets of range.octets) write(octets);
    }
    write(Buffer.from("end\n"));
    crashPoint("J1");
    fdatasyncSync(file);
    renameSync(tmp, path);
  } catch (error) {
    rmSync(tmp, { force: true });
    throw error;
  } finally {
    closeSync(file);
  }
  syncDirectory(dirname(path));
}

/** Writes every range into the mbox; undefined for a file that is no journal. */
function copyRanges(
  path: string,
  fd: number,
): { readonly before: number; readonly after: number } | undefined {
  const journal = openSync(path, "r");
  try {
    const source = sourceOf(journal);
    const start = Buffer.from(source.read(0, 80)).toString("latin1");
    const sizes = /^posthouse-mbox-journal 1\nsize (\d{1,15}) (\d{1,15})\n/.exec(start);
    if (sizes === null) return undefined;
    for (let at = sizes[0].length; ; ) {
      const line = Buffer.from(source.read(at, 64)).toString("latin1");
      const range = /^range (\d{1,15}) (\d{1,15})\n/.exec(line);
      if (range === null) break;
      const from = at + range[0].length;
      let to = Number(range[1]);
      at = from + Number(range[2]);
      for (const octets of octetsBetween(source, from, at)) to += writeAll(fd, octets, to);
    }
    return { before: Number(sizes[1]), after: Number(sizes[2]) };
  } finally {
    closeSync(journal);
  }
}

/**
 * Leaves of what stands from `start` on the messages that are whole, and puts them at `end`. Of ours, one
 * whose Content-Length leads nowhere was not written whole; nor was one that holds a NUL, which a power
 * failure leaves for octets that did not reach the disk, and which the store lets into no message.
 */
function keepWhole(fd: number, start: number, end: number): void {
  const source = sourceOf(fd);
  // All of them before any is moved.
  const messages = Array.from(scanMbox(source, start));
  let to = end;
  for (const message of messages) {
    const { fromOffset, nextOffset, notes } = message;
    const isOurs = notes !== undefined;
    const isWhole = message.hasHeaderEnd && (!isOurs || message.hasLength);
    if (!isWhole || (isOurs && hasNul(source, fromOffset, nextOffset))) continue;
    for (const octets of octetsBetween(source, fromOffset, nextOffset))
      to += writeAll(fd, octets, to);
  }
  ftruncateSync(fd, to);
}

function hasNul(source: OctetSource, start: number, end: number): boolean {
  for (const octets of octetsBetween(source, start, end)) if (holdsNul(octets)) return true;
  return false;
}

function writeAll(fd: number, octets: Uint8Array, position: number | null): number {
  for (let at = 0; at < octets.length; ) {
    const length = Math.min(octets.length - at, limits.readChunkBytes * 16);
    at += writeSync(fd, octets, at, length, position === null ? null : position + at);
  }
  return octets.length;
}
