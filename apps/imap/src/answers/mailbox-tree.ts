import type { Hierarchy, MailboxInfo, SpecialUse } from "@posthouse/mailbox-store";
import { isRestoreName } from "../mailboxes/restore-name.ts";
import { isSharedName } from "../mailboxes/shared-name.ts";
import { clientNameOf } from "../syntax/mailbox-hierarchy.ts";

/** One name of the hierarchy, with what LIST has to know about what is below it. */
export interface MailboxNode {
  /** What the client calls it. */
  readonly name: string;
  readonly storeName: string;
  /** Between its levels: what others share has its own (RFC 2342 §5). */
  readonly separator: "/" | ".";
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
export function mailboxTree(
  mailboxes: readonly MailboxInfo[],
  hierarchy: Hierarchy,
): readonly MailboxNode[] {
  const nodes = new Map<string, GrowingNode>();
  for (const mailbox of mailboxes) {
    const name = clientNameOf(mailbox.name, hierarchy);
    const separator = isSharedName(name) || isRestoreName(name) ? "/" : hierarchy.separator;
    for (const parent of levelsAbove(name, separator)) {
      if (!nodes.has(parent)) nodes.set(parent, onlyParent(parent, separator));
    }
    const descendants = nodes.get(name)?.descendants ?? [];
    nodes.set(name, { ...mailbox, name, separator, storeName: mailbox.name, descendants });
  }
  for (const node of nodes.values()) {
    for (const parent of levelsAbove(node.name, node.separator))
      nodes.get(parent)?.descendants.push(node);
  }
  return [...nodes.values()];
}

const onlyParent = (name: string, separator: "/" | "."): GrowingNode => ({
  name,
  separator,
  storeName: "",
  exists: false,
  isSubscribed: false,
  specialUse: [],
  descendants: [],
});

/** `a/b/c` is below `a` and `a/b`. */
function levelsAbove(name: string, separator: string): string[] {
  const levels: string[] = [];
  for (let at = name.indexOf(separator); at !== -1; at = name.indexOf(separator, at + 1)) {
    levels.push(name.slice(0, at));
  }
  return levels;
}

export const hasChildren = (node: MailboxNode): boolean =>
  node.descendants.some((descendant) => descendant.exists);
