import type { MailboxInfo, MailboxStatus } from "@posthouse/mailbox-store";
import type { MailboxList } from "./watched-mailboxes.ts";

/** What a command of the client did, and what it therefore need not hear of (RFC 5465 §5). */
export type OwnChange =
  | { readonly kind: "created" | "deleted" | "subscribed"; readonly name: string }
  | { readonly kind: "renamed"; readonly from: string; readonly to: string };

/**
 * The list that the client knows, with its own change in it as `now` has it. Where that is not what the command
 * did, somebody else was there in between: it is left as it was, and told.
 */
export function withOwnChange(
  known: MailboxList,
  now: MailboxList,
  change: OwnChange,
): MailboxList {
  const next = new Map(known);
  const takeOver = (name: string): void => {
    const info = now.get(name);
    if (info === undefined) next.delete(name);
    else next.set(name, info);
  };
  const isThere = (name: string): boolean => now.get(name)?.exists === true;
  /** A mailbox is made with the levels above it that were not there. */
  const takeNew = (name: string): void => {
    for (const level of levelsOf(name)) {
      if (isThere(level) && known.get(level)?.exists !== true) takeOver(level);
    }
  };
  switch (change.kind) {
    case "created":
      takeNew(change.name);
      break;
    case "deleted":
      if (!isThere(change.name)) takeOver(change.name);
      break;
    case "subscribed":
      next.delete(change.name);
      takeSubscription(change.name, { known, now, next });
      break;
    case "renamed": {
      const { from, to } = change;
      for (const [name, info] of known) {
        if (name !== from && !name.startsWith(`${from}/`)) continue;
        const newName = to + name.slice(from.length);
        if (now.get(newName)?.mailboxId !== info.mailboxId) continue;
        takeOver(name);
        takeOver(newName);
      }
      takeNew(to);
      break;
    }
  }
  return next;
}

/** Only whether it is subscribed: that it came or went is another matter. */
function takeSubscription(
  name: string,
  { known, now, next }: { known: MailboxList; now: MailboxList; next: Map<string, MailboxInfo> },
): void {
  const before = known.get(name);
  const after = now.get(name);
  if (before?.exists !== true) {
    if (after !== undefined && !after.exists) next.set(name, after);
    return;
  }
  next.set(name, { ...before, isSubscribed: after?.isSubscribed ?? false });
}

function levelsOf(name: string): readonly string[] {
  const levels = name.split("/");
  return levels.map((_level, at) => levels.slice(0, at + 1).join("/"));
}

/** Messages that the client itself put into a mailbox, by one command. */
export interface OwnMessages {
  readonly uidValidity: number;
  readonly uids: readonly number[];
}

/** Nothing but these came, went or changed between the two: the store gives each change a modseq of its own. */
export function isOnlyOwn(
  before: MailboxStatus,
  after: MailboxStatus,
  { uidValidity, uids }: OwnMessages,
): boolean {
  return (
    before.uidValidity === uidValidity &&
    after.uidValidity === uidValidity &&
    after.messages === before.messages + uids.length &&
    after.highestModSeq === before.highestModSeq + 1
  );
}
