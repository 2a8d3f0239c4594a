import { type MailboxStatus, type MessageColumns, systemFlagBits } from "@posthouse/mailbox-store";

/** What STATUS says of a mailbox in which each user has his own \Seen; nothing is \Recent to a guest. */
export function statusOfColumns(
  columns: MessageColumns,
): Pick<MailboxStatus, "messages" | "unseen" | "recent"> {
  let unseen = 0;
  for (const bits of columns.systemFlags) {
    if ((bits & systemFlagBits["\\Seen"]) === 0) unseen += 1;
  }
  return { messages: columns.length, unseen, recent: 0 };
}
