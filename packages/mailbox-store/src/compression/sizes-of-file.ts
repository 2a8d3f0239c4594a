import { closeSync, openSync, readFileSync, readSync } from "node:fs";
import { gunzipSync, zstdDecompressSync } from "node:zlib";
import { limits } from "../limits.ts";
import { sizesInKey } from "../maildir/maildir-name.ts";
import { formOf, markBytes } from "./file-form.ts";
import { framesIn } from "./zstd-frames.ts";

/** Of a message, before compression: its lines as they are, and with CRLF. */
export interface OriginalSizes {
  readonly originalBytes: number;
  readonly crlfBytes: number;
}

/**
 * The sizes of a message that is in a file of another program, in the writer thread. The sizes in the
 * name of a compressed file are believed, as Dovecot believes them; without them it is inflated.
 */
export function sizesOfFile(path: string, key: string, fileBytes: number): OriginalSizes {
  const promised = sizesInKey(key);
  const isPlausible = promised !== undefined && promised.crlfBytes >= promised.fileBytes;
  // S is believed when it is so; W then was counted when the file was written.
  if (isPlausible && promised.fileBytes === fileBytes) {
    return { originalBytes: fileBytes, crlfBytes: promised.crlfBytes };
  }
  const file = openSync(path, "r");
  try {
    const form = formOf(readAt(file, 0, markBytes));
    if (form === "plain") {
      return { originalBytes: fileBytes, crlfBytes: fileBytes + countLoneLf(chunksOf(file)) };
    }
    if (isPlausible) {
      return { originalBytes: promised.fileBytes, crlfBytes: promised.crlfBytes };
    }
  } finally {
    closeSync(file);
  }
  return inflatedSizes(path, fileBytes);
}

function inflatedSizes(path: string, fileBytes: number): OriginalSizes {
  try {
    const octets = inflate(readFileSync(path));
    return {
      originalBytes: octets.length,
      crlfBytes: octets.length + countLoneLf([octets]),
    };
  } catch {
    // Too large, damaged, or no form that we know: whoever opens it will be told so.
    return { originalBytes: fileBytes, crlfBytes: fileBytes };
  }
}

/** A message's octets before compression, in memory; undefined for a file that is not compressed. */
export function inflatedOctets(path: string): Buffer | undefined {
  const file = openSync(path, "r");
  try {
    if (formOf(readAt(file, 0, markBytes)) === "plain") return undefined;
  } finally {
    closeSync(file);
  }
  return inflate(readFileSync(path));
}

function inflate(file: Buffer): Buffer {
  let maxOutputLength = limits.countedBytesMax;
  if (formOf(file) === "gzip") return gunzipSync(file, { maxOutputLength });
  const octets: Buffer[] = [];
  for (const frame of framesIn(file)) {
    const inflated = zstdDecompressSync(frame, { maxOutputLength });
    maxOutputLength -= inflated.length;
    octets.push(inflated);
  }
  return Buffer.concat(octets);
}

function countLoneLf(chunks: Iterable<Uint8Array>): number {
  let count = 0;
  let before = 0;
  for (const octets of chunks) {
    for (let at = octets.indexOf(0x0a); at >= 0; at = octets.indexOf(0x0a, at + 1)) {
      if ((at === 0 ? before : octets[at - 1]) !== 0x0d) count += 1;
    }
    before = octets.at(-1) ?? before;
  }
  return count;
}

function* chunksOf(file: number): Generator<Buffer> {
  for (let at = 0; ; ) {
    const octets = readAt(file, at, limits.readChunkBytes);
    if (octets.length === 0) return;
    at += octets.length;
    yield octets;
  }
}

function readAt(file: number, at: number, lengthMax: number): Buffer {
  const octets = Buffer.allocUnsafe(lengthMax);
  return octets.subarray(0, readSync(file, octets, 0, lengthMax, at));
}
