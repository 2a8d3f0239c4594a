import type { Jobs } from "../jobs.ts";
import type { Transaction } from "../transaction.ts";
import { refuseTakenSpecialUse } from "./mailboxes.ts";

/** RFC 6154 §5. As N1-N3 of annotations.ts. */
export function setSpecialUse(
  transaction: Transaction,
  args: Jobs["setSpecialUse"]["args"],
): Jobs["setSpecialUse"]["result"] {
  const mailbox = transaction.mailboxOfFolder(args.folder);
  mailbox.followMailboxFile();
  const others = transaction.statements.mailboxes
    .all()
    .filter(({ folder }) => folder !== args.folder);
  refuseTakenSpecialUse(others, args.specialUse);
  const specialUse = [...new Set(args.specialUse)].join(" ");
  if (specialUse === mailbox.row.specialUse) return undefined;
  mailbox.row.specialUse = specialUse;
  mailbox.writeMailboxFileLater();
  transaction.noteChange();
  return undefined;
}
