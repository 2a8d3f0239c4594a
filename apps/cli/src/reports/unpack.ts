import { promisify } from "node:util";
import { gunzip, inflateRaw } from "node:zlib";
import { limits } from "./limits.ts";
import { ReportError } from "./report-error.ts";

const unpackGzip = promisify(gunzip);
const unpackDeflated = promisify(inflateRaw);

/**
 * What is in a gzip or zip file, or the octets themselves; by their beginning, since media types are often
 * wrong. Never more than limits.unpackedBytesMax, whatever the file says of its size.
 *
 * @throws ReportError
 */
export async function unpack(octets: Buffer): Promise<Buffer> {
  try {
    if (octets.readUInt16BE(0) === 0x1f8b) {
      return await unpackGzip(octets, { maxOutputLength: limits.unpackedBytesMax });
    }
    if (octets.toString("latin1", 0, 2) === "PK") return await unpackZip(octets);
  } catch (error) {
    if (error instanceof ReportError) throw error;
    const { code } = error as NodeJS.ErrnoException;
    throw new ReportError(
      code === "ERR_BUFFER_TOO_LARGE" ? "is too large when it is unpacked" : "cannot be unpacked",
      { cause: error },
    );
  }
  if (octets.length > limits.unpackedBytesMax) throw new ReportError("is too large");
  return octets;
}

/** The header of an entry in the directory at a zip's end, and of the entry itself (APPNOTE 4.3.7, 4.3.12, 4.3.16). */
const DIRECTORY_END = Buffer.from("PK\x05\x06", "latin1");
const DIRECTORY_ENTRY = 0x504b0102;
const ENTRY = 0x504b0304;

/** The one file in it. Reads past the end of `octets` throw RangeError. */
async function unpackZip(octets: Buffer): Promise<Buffer> {
  const end = octets.lastIndexOf(DIRECTORY_END);
  if (end === -1) throw new ReportError("is a zip file without an end");
  if (octets.readUInt16LE(end + 10) !== 1) {
    throw new ReportError("is a zip file with several files in it");
  }
  const entry = octets.readUInt32LE(end + 16);
  if (octets.readUInt32BE(entry) !== DIRECTORY_ENTRY) {
    throw new ReportError("is a damaged zip file");
  }
  const isEncrypted = (octets.readUInt16LE(entry + 8) & 1) === 1;
  const method = octets.readUInt16LE(entry + 10);
  const packedBytes = octets.readUInt32LE(entry + 20);
  const at = octets.readUInt32LE(entry + 42);
  if (octets.readUInt32BE(at) !== ENTRY) throw new ReportError("is a damaged zip file");
  const start = at + 30 + octets.readUInt16LE(at + 26) + octets.readUInt16LE(at + 28);
  if (isEncrypted || (method !== 0 && method !== 8) || start + packedBytes > octets.length) {
    throw new ReportError("is a zip file that cannot be unpacked");
  }
  const packed = octets.subarray(start, start + packedBytes);
  return method === 0
    ? packed
    : await unpackDeflated(packed, { maxOutputLength: limits.unpackedBytesMax });
}
