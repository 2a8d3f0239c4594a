import { join } from "node:path";
import type { AccountState } from "./account-state.ts";
import type { AnnotationRow } from "./index/rows.ts";
import { annotationsFileName } from "./maildir/annotations-file.ts";
import { fileSignature, readFileSignature } from "./maildir/file-signature.ts";
import { mailboxFileName } from "./maildir/mailbox-file.ts";
import type { MailboxRights } from "./types.ts";

/** Annotations of a mailbox, or of the account; what the plain file says that the index does not know is read first. */
export async function readAnnotations(
  account: AccountState,
  folder: string | undefined,
): Promise<readonly AnnotationRow[]> {
  if (folder !== undefined) {
    const id = await upToDateMailbox(account, folder);
    return account.read((queries) => queries.annotations.all(id));
  }
  await account.followIndex();
  const signature = await readFileSignature(join(account.path, annotationsFileName));
  const seen = await account.read((queries) => queries.about.get("annotationsSeen") ?? "");
  if (seen !== signature) await account.run("followPlainFile", { folder });
  return account.read((queries) => queries.annotations.all(0));
}

export async function readRights(
  account: AccountState,
  folder: string,
): Promise<readonly MailboxRights[]> {
  const id = await upToDateMailbox(account, folder);
  return account.read((queries) => queries.rights.all(id));
}

async function upToDateMailbox(account: AccountState, folder: string): Promise<number> {
  const state = await account.mailboxOfFolder(folder);
  // On the event loop, as followIndex(): this is asked with each command that needs rights.
  const signature = fileSignature(join(account.folderPath(folder), mailboxFileName));
  if (signature !== state.mailboxFileSeen) await account.run("followPlainFile", { folder });
  return state.id;
}
