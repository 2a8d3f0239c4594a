import { limits } from "../limits.ts";
import { formatMailboxFile, mailboxFileName, parseMailboxFile } from "../maildir/mailbox-file.ts";

/** More than any mailbox gets between a backup and its return. */
const UIDS = 1_000_000;
const MOD_SEQS = 1_000_000_000;

/**
 * A plain file as it is put back from a backup. Clients have seen UIDs and modseqs that were given out
 * after it was taken: the marks of `posthouse-mailbox`, above which numbering goes on, are raised so far
 * that none of them comes again. UIDVALIDITY stays, and no client fetches anew what it has.
 */
export function restoredPlainFile(name: string, octets: Buffer): Buffer {
  if (name !== mailboxFileName) return octets;
  const file = parseMailboxFile(octets);
  if (file === undefined) return octets;
  return Buffer.from(
    formatMailboxFile({
      ...file,
      uidReserved: Math.min(file.uidReserved + UIDS, limits.uidMax),
      modSeqReserved: Math.min(file.modSeqReserved + MOD_SEQS, 2 ** 52),
    }),
  );
}
