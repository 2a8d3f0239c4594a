import { StoreError } from "@posthouse/mailbox-store";
import { hasChildren, type MailboxNode, mailboxTree } from "../answers/mailbox-tree.ts";
import { writeMetadata } from "../answers/metadata.ts";
import { formatStatus, readStatus, type ServerStatus, serverStatus } from "../answers/status.ts";
import { defineCommand, loggedIn } from "../command.ts";
import type { UserMail } from "../mailboxes/user-mail.ts";
import { CommandFailure } from "../response.ts";
import type { ResponseWriter } from "../response-writer.ts";
import { type ListArguments, readListArguments } from "../syntax/list-arguments.ts";
import { MatchedNames } from "../syntax/list-pattern.ts";
import { formatQuotedMailbox, type NameCharset } from "../syntax/strings.ts";
import { formatMyRights } from "./acl.ts";

/** LIST: RFC 3501 §6.3.8, extended by RFC 5258, RFC 5819 (STATUS) and RFC 6154 (SPECIAL-USE). */
export const list = defineCommand({
  name: "LIST",
  states: loggedIn,
  expunges: "tell",
  async run({ user }, args, session) {
    const { output, enabled } = session;
    const { hierarchy } = user.mail;
    const wanted = readListArguments(args, hierarchy.separator);
    if (wanted.isForSeparator) {
      output.untagged(`LIST (\\Noselect) "${hierarchy.separator}" ""`);
      return { text: "LIST completed" };
    }
    const matched = new MatchedNames(wanted.patterns);
    const mailboxes = [
      ...(await user.mail.listMailboxes()),
      ...(wanted.patterns.some((pattern) => pattern.reachesRestore)
        ? await user.mail.listRestore()
        : []),
    ];
    for (const node of mailboxTree(mailboxes, hierarchy)) {
      // Each name is held against each pattern, and those that do not match take as long.
      await output.pace();
      const answer = answerFor(node, wanted, matched, enabled);
      if (answer === undefined) continue;
      output.untagged(answer.line);
      if (answer.isSelected && node.exists)
        await tellMore(user.mail, node, wanted, { output, server: serverStatus(session) });
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
  enabled: NameCharset,
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
  return { line: `LIST (${attributes}) "${node.separator}" ${name}${childInfo}`, isSelected };
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

/**
 * What was asked for besides: STATUS (RFC 5819), MYRIGHTS (RFC 8440 §3) and METADATA (RFC 9590 §3). Where one of
 * them cannot be had, because the mailbox was deleted meanwhile or for want of a right, it is left out.
 */
async function tellMore(
  mail: UserMail,
  { name, storeName }: MailboxNode,
  { returns }: ListArguments,
  { output, server }: { readonly output: ResponseWriter; readonly server: ServerStatus },
): Promise<void> {
  const { enabled } = server;
  const { status, metadata: entries } = returns;
  if (status.length > 0) {
    const found = await unlessRefused(readStatus(mail, storeName, status));
    if (found !== undefined) output.untagged(formatStatus(name, status, found, server));
  }
  if (returns.myRights) {
    output.untagged(formatMyRights(name, await mail.rightsIn(storeName), enabled));
  }
  if (entries.length > 0) {
    const annotations = await unlessRefused(mail.annotations(storeName, { entries }));
    const quoted = formatQuotedMailbox(name, enabled);
    if (annotations) writeMetadata(output, { name: quoted, annotations, asked: entries });
  }
}

async function unlessRefused<Found>(finding: Promise<Found>): Promise<Found | undefined> {
  try {
    return await finding;
  } catch (error) {
    if (error instanceof StoreError && error.code === "not-found") return undefined;
    if (error instanceof CommandFailure && error.code === "NOPERM") return undefined;
    throw error;
  }
}
