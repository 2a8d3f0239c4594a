import type { AccountMail, MailboxInfo } from "@posthouse/mailbox-store";
import { isSharedName } from "../mailboxes/shared-name.ts";
import type { EventGroup, EventName } from "../syntax/notify-arguments.ts";

/** What the client wants to hear of one mailbox, from all groups that mean it (RFC 5465 §6). */
export function eventsOf(
  mailbox: MailboxInfo,
  groups: readonly EventGroup[],
): ReadonlySet<EventName> {
  const events = new Set<EventName>();
  for (const group of groups) {
    if (!isMeant(mailbox, group)) continue;
    for (const event of group.events) events.add(event);
  }
  return events;
}

function isMeant({ name, isSubscribed }: MailboxInfo, { mailboxes }: EventGroup): boolean {
  switch (mailboxes.kind) {
    // §6.3: a filter may deliver anywhere.
    case "inboxes":
    case "personal":
      return !isSharedName(name);
    case "subscribed":
      return isSubscribed;
    case "mailboxes":
      return mailboxes.names.includes(name);
    case "subtree":
      return mailboxes.names.some((top) => name === top || name.startsWith(`${top}/`));
  }
}

/** By name. */
export type MailboxList = ReadonlyMap<string, MailboxInfo>;

export const listOf = async (mail: AccountMail): Promise<MailboxList> =>
  new Map((await mail.listMailboxes()).map((mailbox) => [mailbox.name, mailbox]));

/** How one name differs between two lists. */
export interface NameChange {
  readonly name: string;
  /** What it was called before. */
  readonly oldName?: string;
  readonly event: "MailboxName" | "SubscriptionChange";
  /** As it is now; as it was, when it is gone. */
  readonly mailbox: MailboxInfo;
}

/** Names that came, went or were renamed, with the level above each, and those whose subscription changed (§5.4, §5.5). */
export function nameChanges(before: MailboxList, after: MailboxList): readonly NameChange[] {
  const changes = new Map<string, NameChange>();
  const gone = new Map<string, MailboxInfo>();
  for (const mailbox of before.values()) {
    if (mailbox.exists && after.get(mailbox.name)?.exists !== true)
      gone.set(mailbox.mailboxId, mailbox);
  }
  const renamed = new Map<string, string>();
  for (const mailbox of after.values()) {
    const { name, exists, isSubscribed } = mailbox;
    const known = before.get(name);
    if (exists && known?.exists !== true) {
      const oldName = gone.get(mailbox.mailboxId)?.name;
      gone.delete(mailbox.mailboxId);
      if (oldName !== undefined) renamed.set(oldName, name);
      // §5.4: no events for what went along with its parent.
      if (oldName !== undefined && wentAlong(oldName, name, renamed)) continue;
      const event = "MailboxName";
      changes.set(name, { name, event, mailbox, ...(oldName !== undefined && { oldName }) });
      if (oldName === undefined) addParent(name, after, changes);
    } else if ((known?.isSubscribed ?? false) !== isSubscribed) {
      changes.set(name, { name, event: "SubscriptionChange", mailbox });
    }
  }
  for (const mailbox of before.values()) {
    if (mailbox.isSubscribed && !after.has(mailbox.name) && !mailbox.exists) {
      changes.set(mailbox.name, {
        name: mailbox.name,
        event: "SubscriptionChange",
        mailbox: { ...mailbox, isSubscribed: false },
      });
    }
  }
  for (const mailbox of gone.values()) {
    const { name } = mailbox;
    changes.set(name, {
      name,
      event: "MailboxName",
      mailbox: after.get(name) ?? gonePart(mailbox),
    });
    addParent(name, after, changes);
  }
  return [...changes.values()];
}

const gonePart = (mailbox: MailboxInfo): MailboxInfo => ({
  ...mailbox,
  exists: false,
  isSubscribed: false,
  specialUse: [],
});

function wentAlong(oldName: string, name: string, renamed: ReadonlyMap<string, string>): boolean {
  for (let at = oldName.lastIndexOf("/"); at > 0; at = oldName.lastIndexOf("/", at - 1)) {
    const newTop = renamed.get(oldName.slice(0, at));
    if (newTop !== undefined && newTop + oldName.slice(at) === name) return true;
  }
  return false;
}

/** §5.4: the level above is affected too, whether it is a mailbox or not. */
function addParent(name: string, after: MailboxList, changes: Map<string, NameChange>): void {
  const parent = name.slice(0, Math.max(0, name.lastIndexOf("/")));
  if (parent === "" || changes.has(parent)) return;
  const mailbox = after.get(parent) ?? {
    name: parent,
    mailboxId: "",
    exists: false,
    isSubscribed: false,
    specialUse: [],
  };
  changes.set(parent, { name: parent, event: "MailboxName", mailbox });
}
