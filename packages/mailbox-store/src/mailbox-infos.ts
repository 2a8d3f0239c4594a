import type { MailboxState } from "./index/index-reader.ts";
import { namesOfFolders } from "./maildir/folder-name.ts";
import type { NameStyle } from "./maildir/name-style.ts";
import type { MailboxInfo, SpecialUse } from "./types.ts";

/** Mailboxes, the names above them that are none, and subscribed names that are gone: sorted, INBOX first. */
export function mailboxInfos(
  mailboxes: readonly MailboxState[],
  subscribed: ReadonlySet<string>,
  style: NameStyle,
): readonly MailboxInfo[] {
  const infos = new Map<string, MailboxInfo>();
  const nameOf = namesOfFolders(
    mailboxes.map(({ folder }) => folder),
    style,
  );
  for (const { folder, guid, specialUse } of mailboxes) {
    const name = nameOf.get(folder);
    if (name === undefined) continue;
    infos.set(name, {
      name,
      mailboxId: guid,
      exists: true,
      isSubscribed: subscribed.has(name),
      specialUse: specialUse.split(" ").filter((use) => use !== "") as SpecialUse[],
    });
  }
  for (const name of [...infos.keys()].flatMap(parentsOf)) addMissing(infos, name, subscribed);
  for (const name of subscribed) addMissing(infos, name, subscribed);
  return [...infos.values()].sort((a, b) => compareNames(a.name, b.name));
}

function addMissing(
  infos: Map<string, MailboxInfo>,
  name: string,
  subscribed: ReadonlySet<string>,
): void {
  if (infos.has(name)) return;
  const isSubscribed = subscribed.has(name);
  infos.set(name, { name, mailboxId: "", exists: false, isSubscribed, specialUse: [] });
}

function parentsOf(name: string): string[] {
  const levels = name.split("/");
  return levels.slice(1).map((_level, at) => levels.slice(0, at + 1).join("/"));
}

function compareNames(a: string, b: string): number {
  if (a === b) return 0;
  if (a === "INBOX") return -1;
  if (b === "INBOX") return 1;
  return a < b ? -1 : 1;
}
