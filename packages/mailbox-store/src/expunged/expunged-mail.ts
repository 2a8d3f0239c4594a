import { link, readdir, rm, unlink } from "node:fs/promises";
import { join } from "node:path";
import { errnoOf } from "../maildir/durable-file.ts";
import { canBeKey } from "../maildir/folder-files.ts";
import { infoLetters, parseMaildirName } from "../maildir/maildir-name.ts";
import { makeDirectory } from "../writer/folder-on-disk.ts";
import { expungedMailName, expungedName, isDay, isDeletedMailbox } from "./expunged-tree.ts";

/**
 * What was expunged, as a Maildir of its own that is only read: a mailbox a day, `.2026-11-29/cur/`, with a hard
 * link for each message that can be brought back. So it has UIDs that stay, and all that a mailbox has, without a
 * second way to any of it.
 *
 * The links follow posthouse-expunged whenever somebody looks; a crash in between leaves what the next look puts
 * right. With a day its links go: see ExpungedKeeper.overdue(). A letter for a keyword means something in the
 * mailbox that it was in, and is left out.
 *
 * Why not read the files where they are: they stand in as many folders as the messages came from, whose UIDs and
 * letters are not those of one mailbox.
 */
export async function linkExpunged(accountPath: string): Promise<string> {
  const root = join(accountPath, expungedName);
  const mail = join(accountPath, expungedMailName);
  for (const name of ["cur", "new", "tmp"]) makeDirectory(join(mail, name));
  const days = (await namesIn(root)).filter(isDay);
  for (const day of days) await linkDay(join(root, day), join(mail, `.${day}`));
  const gone = (await namesIn(mail)).filter(
    (name) => isDay(name.slice(1)) && !days.includes(name.slice(1)),
  );
  for (const name of gone) await rm(join(mail, name), { recursive: true, force: true });
  return mail;
}

async function linkDay(day: string, mailbox: string): Promise<void> {
  for (const name of ["cur", "new", "tmp"]) makeDirectory(join(mailbox, name));
  const wanted = await messagesOf(day);
  const cur = join(mailbox, "cur");
  // By key: whoever reads it may have given a file another name.
  const linked = new Map((await namesIn(cur)).map((name) => [parseMaildirName(name).key, name]));
  for (const [key, path] of wanted) {
    if (linked.delete(key)) continue;
    await unlessErrno(link(path, join(cur, linkName(path))), ["EEXIST", "ENOENT"]);
  }
  for (const name of linked.values()) await unlessErrno(unlink(join(cur, name)), ["ENOENT"]);
}

/** Messages that were expunged one by one, and those of mailboxes that were deleted; by key. */
async function messagesOf(day: string): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>();
  const take = async (directory: string) => {
    for (const name of await namesIn(directory)) {
      const path = join(directory, name);
      if (isDeletedMailbox(name)) {
        await take(join(path, "cur"));
        await take(join(path, "new"));
      } else if (!name.startsWith(".") && canBeKey(name)) {
        found.set(parseMaildirName(name).key, path);
      }
    }
  };
  for (const place of await namesIn(day)) await take(join(day, place));
  return found;
}

/** Without keywords, and not \Deleted: it is that no longer when it comes back. */
function linkName(path: string): string {
  const { key, info } = parseMaildirName(path.slice(path.lastIndexOf("/") + 1));
  return `${key}:2,${infoLetters(info).replaceAll(/[^DFPRS]/g, "")}`;
}

const namesIn = (path: string): Promise<string[]> => readdir(path).catch(() => []);

async function unlessErrno(done: Promise<void>, codes: readonly string[]): Promise<void> {
  try {
    await done;
  } catch (error) {
    if (!codes.includes(errnoOf(error) ?? "")) throw error;
  }
}
