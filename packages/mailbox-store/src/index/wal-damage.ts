import { readIfThere } from "../maildir/durable-file.ts";

const headerBytes = 32;
const frameHeaderBytes = 24;

/**
 * Whether a write-ahead log holds what SQLite would silently leave out, so that the index would be that
 * of an earlier moment and give out UIDs and modseqs a second time. Only to be asked while a write
 * transaction is open, when nobody else writes into the log.
 *
 * SQLite ends its recovery at the first frame whose checksum is wrong. Each transaction is on disk
 * before the next begins, so that a power failure tears the last one and no other: "torn". Whole
 * transactions behind a broken frame, or a log without its header, are "damaged".
 * The format: https://sqlite.org/fileformat2.html §4.
 */
export function stateOfWal(walPath: string): "sound" | "torn" | "damaged" {
  const octets = readIfThere(walPath);
  if (octets === undefined || octets.every((octet) => octet === 0)) return "sound";
  if (octets.length < headerBytes) return "damaged";
  const magic = octets.readUInt32BE(0);
  if (magic !== 0x377f0682 && magic !== 0x377f0683) return "damaged";
  const sums = new Checksum(octets, magic === 0x377f0683);
  sums.add(0, 24);
  const pageBytes = octets.readUInt32BE(8);
  if (!sums.equals(24) || pageBytes < 512 || pageBytes > 65_536) return "damaged";
  const commits = commitsBehindDamage(octets, sums, pageBytes);
  if (commits === 0) return "sound";
  return commits === 1 ? "torn" : "damaged";
}

function commitsBehindDamage(octets: Buffer, sums: Checksum, pageBytes: number): number {
  const frameBytes = frameHeaderBytes + pageBytes;
  const salt = octets.subarray(16, 24);
  let isBroken = false;
  let commits = 0;
  for (let at = headerBytes; at + frameBytes <= octets.length; at += frameBytes) {
    // Frames of an earlier log have another salt: this log has not come there yet.
    const isOfThisLog = octets.subarray(at + 8, at + 16).equals(salt);
    if (!isBroken && isOfThisLog) {
      sums.add(at, at + 8);
      sums.add(at + frameHeaderBytes, at + frameBytes);
      isBroken = !sums.equals(at + 16);
    } else isBroken = true;
    // A transaction's last frame says how large the database then is.
    if (isBroken && isOfThisLog && octets.readUInt32BE(at + 4) !== 0) commits += 1;
  }
  return commits;
}

/** The running checksum of the log's format: two sums over pairs of 32-bit words. */
class Checksum {
  readonly #octets: Buffer;
  readonly #isBigEndian: boolean;
  #first = 0;
  #second = 0;

  constructor(octets: Buffer, isBigEndian: boolean) {
    this.#octets = octets;
    this.#isBigEndian = isBigEndian;
  }

  add(start: number, end: number): void {
    for (let at = start; at < end; at += 8) {
      this.#first = (this.#first + this.#word(at) + this.#second) >>> 0;
      this.#second = (this.#second + this.#word(at + 4) + this.#first) >>> 0;
    }
  }

  equals(at: number): boolean {
    return (
      this.#octets.readUInt32BE(at) === this.#first &&
      this.#octets.readUInt32BE(at + 4) === this.#second
    );
  }

  #word(at: number): number {
    return this.#isBigEndian ? this.#octets.readUInt32BE(at) : this.#octets.readUInt32LE(at);
  }
}
