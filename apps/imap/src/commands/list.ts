import type { AccountMail } from "@posthouse/mailbox-store";
import { StoreError } from "@posthouse/mailbox-store";
import { hasChildren, type MailboxNode, mailboxTree } from "../answers/mailbox-tree.ts";
import { formatStatus } from "../answers/status.ts";
import { defineCommand, loggedIn } from "../command.ts";
import { type ListArguments, readListArguments } from "../syntax/list-arguments.ts";
import { MatchedNames } from "../syntax/list-pattern.ts";
import { formatQuotedMailbox, type NameCharset } from "../syntax/strings.ts";

/** LIST: RFC 3501 §6.3.8, extended by RFC 5258, RFC 5819 (STATUS) and RFC 6154 (SPECIAL-USE). */
export const list = defineCommand({
  name: "LIST",
  states: loggedIn,
  expunges: "tell",
  async run({ user }, args, { output, enabled }) {
    const { hierarchy } = user.mail;
    const wanted = readListArguments(args, hierarchy.separator);
    if (wanted.isForSeparator) {
      output.untagged(`LIST (\\Noselect) "${hierarchy.separator}" ""`);
      return { text: "LIST completed" };
    }
    const matched = new MatchedNames(wanted.patterns);
    for (const node of mailboxTree(await user.mail.listMailboxes(), hierarchy)) {
      // Each name is held against each pattern, and those that do not match take as long.
      await output.pace();
      const answer = answerFor(node, wanted, matched, { ...hierarchy, enabled });
      if (answer === undefined) continue;
      output.untagged(answer.line);
      if (answer.isSelected && node.exists && wanted.returns.status.length > 0) {
        const line = await statusLine(user.mail, node, wanted, enabled);
        if (line !== undefined) output.untagged(line);
      }
    }
    return { text: "LIST completed" };
  },
});

interface ListAnswer {
  readonly line: string;
  /** The name itself is meant, not only what is below it: no STATUS otherwise (RFC 5819 §2). */
  readonly isSelected: boolean;
}

/** The two reasons to name a mailbox: RFC 5258 §3.3. */
function answerFor(
  node: MailboxNode,
  wanted: ListArguments,
  matched: MatchedNames,
  { separator, enabled }: { readonly separator: string; readonly enabled: NameCharset },
): ListAnswer | undefined {
  if (!matched.has(node.name)) return undefined;
  const isSelected = satisfies(node, wanted);
  const below = wanted.select.recursiveMatch
    ? node.descendants.filter((descendant) => satisfies(descendant, wanted))
    : [];
  // A child that is named itself says it all: its parent would be redundant (§3.5).
  if (!isSelected && below.every(({ name }) => matched.has(name))) return undefined;

  const attributes = attributesOf(node, wanted).join(" ");
  const childInfo = below.length > 0 ? ' ("CHILDINFO" ("SUBSCRIBED"))' : "";
  const name = formatQuotedMailbox(node.name, enabled);
  return { line: `LIST (${attributes}) "${separator}" ${name}${childInfo}`, isSelected };
}

/** Without a selection: what exists, and what is above something that does. */
function satisfies(node: MailboxNode, { select }: ListArguments): boolean {
  if (select.specialUse && node.specialUse.length === 0) return false;
  if (select.subscribed) return node.isSubscribed;
  return node.exists || hasChildren(node);
}

function attributesOf(node: MailboxNode, { isExtended, returns }: ListArguments): string[] {
  const attributes: string[] = [];
  // \NonExistent implies \Noselect, to clients that know it (RFC 5258 §3).
  if (!node.exists) attributes.push(isExtended ? "\\NonExistent" : "\\Noselect");
  attributes.push(hasChildren(node) ? "\\HasChildren" : "\\HasNoChildren");
  if (returns.subscribed && node.isSubscribed) attributes.push("\\Subscribed");
  attributes.push(...node.specialUse);
  return attributes;
}

/** Nothing for a mailbox that was deleted meanwhile: RFC 5819 §2 wants no NO for it. */
async function statusLine(
  mail: AccountMail,
  { name, storeName }: MailboxNode,
  { returns }: ListArguments,
  enabled: NameCharset,
): Promise<string | undefined> {
  try {
    return formatStatus(name, returns.status, await mail.status(storeName), enabled);
  } catch (error) {
    if (error instanceof StoreError && error.code === "not-found") return undefined;
    throw error;
  }
}
