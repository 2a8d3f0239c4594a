import {
  type AccountMail,
  type SpecialUse,
  StoreError,
  type SystemFlag,
} from "@posthouse/mailbox-store";
import type { Destination } from "@posthouse/sieve";

/** INBOX in any case (RFC 9051 §5.1). */
export const isNamed = (name: string, wanted: string): boolean =>
  name === wanted.normalize("NFC") || (name === "INBOX" && wanted.toUpperCase() === "INBOX");

/** The mailbox that a destination means, made where it is to be. */
export async function mailboxOf(mail: AccountMail, destination: Destination): Promise<string> {
  const { mailbox, mailboxId, specialUse, creates } = destination;
  if (isNamed("INBOX", mailbox) && mailboxId === undefined && specialUse === undefined)
    return "INBOX";
  if (mailboxId === undefined && specialUse === undefined && !creates)
    return mailbox.normalize("NFC");
  const mailboxes = (await mail.listMailboxes()).filter(({ exists }) => exists);
  const found = mailboxes.find(
    (one) =>
      one.mailboxId === mailboxId ||
      (specialUse !== undefined && one.specialUse.includes(specialUse as SpecialUse)),
  );
  if (found !== undefined) return found.name;
  if (creates && !mailboxes.some(({ name }) => isNamed(name, mailbox))) {
    try {
      await mail.createMailbox(mailbox.normalize("NFC"));
    } catch (error) {
      // Another delivery made it in between; what cannot be made ends in INBOX.
      if (!(error instanceof StoreError) || error.code === "unavailable") throw error;
    }
  }
  return mailbox.normalize("NFC");
}

const systemFlags: ReadonlySet<string> = new Set([
  "\\Seen",
  "\\Answered",
  "\\Flagged",
  "\\Deleted",
  "\\Draft",
]);

export function flagsOf(flags: readonly string[]) {
  const own = flags.filter((flag) => systemFlags.has(flag)) as SystemFlag[];
  const keywords = flags.filter((flag) => !flag.startsWith("\\"));
  return {
    ...(own.length > 0 && { systemFlags: own }),
    ...(keywords.length > 0 && { keywords }),
  };
}
