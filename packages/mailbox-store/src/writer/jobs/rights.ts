import { limits } from "../../limits.ts";
import { nameOfFolder } from "../../maildir/folder-name.ts";
import { changedRights } from "../../rights.ts";
import { StoreError } from "../../store-error.ts";
import type { Jobs } from "../jobs.ts";
import type { Transaction } from "../transaction.ts";

/** One row of RFC 4314. As N1-N3 of annotations.ts. */
export function setRights(
  transaction: Transaction,
  args: Jobs["setRights"]["args"],
): Jobs["setRights"]["result"] {
  const mailbox = transaction.mailboxOfFolder(args.folder);
  mailbox.followMailboxFile();
  const { statements } = transaction;
  const { id } = mailbox.row;
  const rows = statements.rights.all(id);
  const row = rows.find(({ identifier }) => identifier === args.identifier);
  const rights = changedRights(row?.rights ?? "", args.change);
  if (rights === (row?.rights ?? "")) return undefined;
  if (rights === "") statements.deleteRights.run(id, args.identifier);
  else {
    if (row === undefined && rows.length >= limits.rightsMax) {
      throw new StoreError(
        "limit",
        `Cannot give more rights in "${nameOfFolder(args.folder)}": ${rows.length} have some already`,
      );
    }
    statements.putRights.run(id, args.identifier, rights);
  }
  mailbox.writeMailboxFileLater();
  transaction.noteChange();
  return undefined;
}
