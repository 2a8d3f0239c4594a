/** How the octets of a message stand in its file. */
export type FileForm = "plain" | "zstd" | "gzip" | "bzip2" | "lz4" | "xz";

/**
 * By the first octets, as Dovecot's zlib plugin tells it: the name of the file says nothing. The mark of
 * bzip2 includes that of its first block, since `BZh1` alone could begin a header field.
 */
const marks: readonly { readonly form: FileForm; readonly mark: Buffer }[] = [
  { form: "zstd", mark: Buffer.from([0x28, 0xb5, 0x2f, 0xfd]) },
  { form: "gzip", mark: Buffer.from([0x1f, 0x8b]) },
  ...Array.from("123456789", (level) => ({
    form: "bzip2" as const,
    mark: Buffer.from(`BZh${level}1AY&SY`),
  })),
  { form: "lz4", mark: Buffer.from("Dovecot-LZ4\r*\x9b\xc5", "latin1") },
  { form: "xz", mark: Buffer.from("\xfd7zXZ\0", "latin1") },
];
const firstOctets = new Set(marks.map(({ mark }) => mark[0]));

/** As many of a file's octets as tell its form. */
export const markBytes = 16;

export function formOf(octets: Uint8Array): FileForm {
  // The first octet settles it for nearly every message.
  if (!firstOctets.has(octets[0])) return "plain";
  const found = marks.find(({ mark }) => mark.equals(octets.subarray(0, mark.length)));
  return found?.form ?? "plain";
}
