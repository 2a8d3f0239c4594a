import type { ListPolicy, RecipientTarget } from "@posthouse/accounts";
import type { EnvelopeRecipient } from "@posthouse/smtp";

/** A mailing list as a recipient of a message. */
export interface ListPost {
  readonly policy: ListPolicy;
  readonly members: readonly RecipientTarget[];
  /** The list itself: what RCPT said of it. */
  readonly recipient: EnvelopeRecipient;
}

/** The names beside that of a list, which lead to its owner. */
export function addressBeside(list: string, role: "bounces" | "owner" | "unsubscribe"): string {
  const at = list.lastIndexOf("@");
  return `${list.slice(0, at)}-${role}${list.slice(at)}`;
}
