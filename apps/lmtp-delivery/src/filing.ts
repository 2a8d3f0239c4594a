import { type AccountMail, StoreError } from "@posthouse/mailbox-store";
import type { EnvelopeHead } from "@posthouse/smtp";

/**
 * The mailbox that a message goes into when nobody else says otherwise: INBOX, or what smtp-in decided in
 * the verdict "file-into". A mailbox that its owner removed is made again.
 */
export async function mailboxFor(
  mail: Pick<AccountMail, "listMailboxes" | "createMailbox">,
  { verdicts }: Pick<EnvelopeHead, "verdicts">,
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
    await create(mail, "Rejects");
    return "Rejects";
  }
  return "INBOX";
}

async function create(mail: Pick<AccountMail, "createMailbox">, name: string): Promise<void> {
  try {
    await mail.createMailbox(name, name === "Junk" ? { specialUse: ["\\Junk"] } : {});
  } catch (error) {
    if (!(error instanceof StoreError) || error.code !== "exists") throw error;
  }
}
