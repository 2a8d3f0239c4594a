/**
 * A large message is a row of zstd frames, each compressed alone, so that a part in its middle is read
 * without inflating all before it. Behind them stands the table of zstd's seekable format: a skippable
 * frame (RFC 8878 §3.1.2), which decoders that do not know it, as Dovecot's, pass over.
 *
 *   u32 0x184D2A5E, u32 octets that follow       all numbers with the low octet first
 *   u32 compressed, u32 original octets          for each frame
 *   u32 frames, u8 0, u32 0x8F92EAB1             no checksums here: each frame has its own
 */
export interface FrameSizes {
  readonly compressedBytes: number;
  readonly originalBytes: number;
}

/** Where a decoder may begin. */
export interface SeekPoint {
  readonly fileOffset: number;
  readonly octetOffset: number;
}

const skippableMagic = 0x184d2a5e;
const seekableMagic = 0x8f92eab1;
const headBytes = 8;
const entryBytes = 8;
export const footBytes = 9;

export function formatSeekTable(frames: readonly FrameSizes[]): Buffer {
  const table = Buffer.alloc(tableBytes(frames.length));
  table.writeUInt32LE(skippableMagic, 0);
  table.writeUInt32LE(table.length - headBytes, 4);
  for (const [at, { compressedBytes, originalBytes }] of frames.entries()) {
    table.writeUInt32LE(compressedBytes, headBytes + at * entryBytes);
    table.writeUInt32LE(originalBytes, headBytes + at * entryBytes + 4);
  }
  table.writeUInt32LE(frames.length, table.length - footBytes);
  table.writeUInt32LE(seekableMagic, table.length - 4);
  return table;
}

/** How long the table is that ends with this foot; undefined when it ends no table of ours. */
export function tableBytesOfFoot(foot: Buffer): number | undefined {
  if (foot.length !== footBytes || foot.readUInt32LE(footBytes - 4) !== seekableMagic) return;
  if (foot[4] !== 0) return;
  return tableBytes(foot.readUInt32LE(0));
}

/** Where each frame begins; undefined when the table does not fit the file. */
export function parseSeekTable(table: Buffer, fileBytes: number): SeekPoint[] | undefined {
  if (table.length < headBytes + footBytes || table.readUInt32LE(0) !== skippableMagic) return;
  if (table.readUInt32LE(4) !== table.length - headBytes) return;
  const points: SeekPoint[] = [];
  let fileOffset = 0;
  let octetOffset = 0;
  for (let at = headBytes; at < table.length - footBytes; at += entryBytes) {
    points.push({ fileOffset, octetOffset });
    fileOffset += table.readUInt32LE(at);
    octetOffset += table.readUInt32LE(at + 4);
  }
  return fileOffset + table.length === fileBytes ? points : undefined;
}

function tableBytes(frames: number): number {
  return headBytes + frames * entryBytes + footBytes;
}
