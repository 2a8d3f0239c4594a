import type { MailboxInfo, SpecialUse } from "@posthouse/mailbox-store";

/** One name of the hierarchy, with what LIST has to know about what is below it. */
export interface MailboxNode {
  readonly name: string;
  readonly exists: boolean;
  readonly isSubscribed: boolean;
  readonly specialUse: readonly SpecialUse[];
  /** Names below it at any depth. */
  readonly descendants: readonly MailboxNode[];
}

interface GrowingNode extends MailboxNode {
  descendants: MailboxNode[];
}

/** Every mailbox and subscribed name, and every level above one, in the store's order. */
export function mailboxTree(mailboxes: readonly MailboxInfo[]): readonly MailboxNode[] {
  const nodes = new Map<string, GrowingNode>();
  for (const mailbox of mailboxes) {
    for (const parent of levelsAbove(mailbox.name)) {
      if (!nodes.has(parent)) nodes.set(parent, onlyParent(parent));
    }
    const known = nodes.get(mailbox.name);
    nodes.set(mailbox.name, { ...mailbox, descendants: known?.descendants ?? [] });
  }
  for (const node of nodes.values()) {
    for (const parent of levelsAbove(node.name)) nodes.get(parent)?.descendants.push(node);
  }
  return [...nodes.values()];
}

const onlyParent = (name: string): GrowingNode => ({
  name,
  exists: false,
  isSubscribed: false,
  specialUse: [],
  descendants: [],
});

/** `a/b/c` is below `a` and `a/b`. */
function levelsAbove(name: string): string[] {
  const levels: string[] = [];
  for (let at = name.indexOf("/"); at !== -1; at = name.indexOf("/", at + 1)) {
    levels.push(name.slice(0, at));
  }
  return levels;
}

export const hasChildren = (node: MailboxNode): boolean =>
  node.descendants.some((descendant) => descendant.exists);
