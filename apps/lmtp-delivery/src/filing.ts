import type { Account } from "@posthouse/accounts";
import { type AccountMail, type MailboxInfo, StoreError } from "@posthouse/mailbox-store";
import { type EnvelopeHead, rejects } from "@posthouse/smtp";

/**
 * The mailbox that a message goes into when nobody else says otherwise: INBOX, or what smtp-in decided in
 * the verdict "file-into". A mailbox that its owner removed is made again. `detail` is what the address
 * has behind its separator, where that may name a mailbox.
 */
export async function mailboxFor(
  mail: Pick<AccountMail, "listMailboxes" | "createMailbox">,
  { verdicts }: Pick<EnvelopeHead, "verdicts">,
  detail?: string,
): Promise<string> {
  const into = verdicts["file-into"];
  if (into === "junk") {
    const mailboxes = await mail.listMailboxes();
    const junk = mailboxes.find(
      ({ exists, specialUse }) => exists && specialUse.includes("\\Junk"),
    );
    if (junk !== undefined) return junk.name;
    await create(mail, "Junk");
    return "Junk";
  }
  if (into === "rejects") {
    await create(mail, rejects.mailbox);
    return rejects.mailbox;
  }
  if (detail === undefined) return "INBOX";
  const mailboxes = await mail.listMailboxes();
  return mailboxes.find((one) => isMeant(one, detail))?.name ?? "INBOX";
}

/** What a message bears in the mailbox that mailboxFor() gave. */
export function keywordsFor({ verdicts }: Pick<EnvelopeHead, "verdicts">): readonly string[] {
  return verdicts["file-into"] === "rejects" ? [rejects.keyword] : [];
}

/**
 * Whether a NUL of a message is stored as it is: where it was announced (RFC 3030 §3), and not in an mbox, where a
 * NUL is what a power failure leaves of a message.
 */
export function nulRule(
  { body }: Pick<EnvelopeHead, "body">,
  { format }: Pick<Account, "format">,
): { readonly mayHoldNul?: true } {
  return body === "BINARYMIME" && format !== "mbox" ? { mayHoldNul: true } : {};
}

/** `lists` of `ann+lists@example.org`; undefined when there is none. */
export function detailOf(address: string, separator: string): string | undefined {
  const localPart = address.slice(0, Math.max(address.lastIndexOf("@"), 0));
  const at = localPart.indexOf(separator);
  const detail = at < 1 ? "" : localPart.slice(at + separator.length);
  return detail === "" ? undefined : detail;
}

/**
 * In any case, since addresses have none. A mailbox with a use of its own is not for strangers to choose:
 * nobody looks for new mail in Sent or Trash.
 */
const isMeant = ({ exists, name, specialUse }: MailboxInfo, detail: string): boolean =>
  exists && specialUse.length === 0 && folded(name) === folded(detail);

const folded = (name: string): string => name.normalize("NFC").toLowerCase();

async function create(mail: Pick<AccountMail, "createMailbox">, name: string): Promise<void> {
  try {
    await mail.createMailbox(name, name === "Junk" ? { specialUse: ["\\Junk"] } : {});
  } catch (error) {
    if (!(error instanceof StoreError) || error.code !== "exists") throw error;
  }
}
