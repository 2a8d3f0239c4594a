import type { AccountMail, SpecialUse, Uid } from "@posthouse/mailbox-store";

const DAY_MS = 24 * 3_600_000;
/** One transaction, between which whoever uses the account has his turn. */
const BATCH = 1000;

/** For how many days messages stay in a mailbox of this use; 0 is for ever. */
export type Retention = ReadonlyMap<SpecialUse, number>;

/**
 * Takes out of an account, or only counts, what has been in Junk and Trash for longer than that. What counts is when it was
 * put there (SAVEDATE), not when it was sent: mail that somebody throws away today stays for the whole time.
 */
export async function removeOld(
  mail: AccountMail,
  retention: Retention,
  { nowMs = Date.now(), isDry = false }: { readonly nowMs?: number; readonly isDry?: boolean } = {},
): Promise<number> {
  let removed = 0;
  for (const { name, exists, specialUse } of await mail.listMailboxes()) {
    const days = Math.max(0, ...specialUse.map((use) => retention.get(use) ?? 0));
    if (!exists || days === 0) continue;
    await using mailbox = await mail.openMailbox(name, { readOnly: isDry });
    await mailbox.sync(mailbox.columns);
    const { uids, saveDatesMs } = mailbox.columns;
    const old = [...uids].filter((_, row) => (saveDatesMs[row] ?? nowMs) < nowMs - days * DAY_MS);
    for (let at = 0; !isDry && at < old.length; at += BATCH) {
      await mailbox.expunge(old.slice(at, at + BATCH) as Uid[]);
    }
    removed += old.length;
  }
  return removed;
}
