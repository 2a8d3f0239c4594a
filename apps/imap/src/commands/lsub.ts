import { type MailboxNode, mailboxTree } from "../answers/mailbox-tree.ts";
import { defineCommand, loggedIn } from "../command.ts";
import { patternsOf } from "../syntax/list-arguments.ts";
import { MatchedNames } from "../syntax/list-pattern.ts";
import { formatQuotedMailbox } from "../syntax/strings.ts";

/** LSUB: RFC 3501 §6.3.9. */
export const lsub = defineCommand({
  name: "LSUB",
  states: loggedIn,
  expunges: "tell",
  async run({ user }, args, { output, enabled }) {
    const { hierarchy } = user.mail;
    args.sp();
    const reference = args.listReference();
    args.sp();
    const text = args.listMailbox();
    args.end();

    const [pattern] = patternsOf(reference, [text], {
      isExtended: false,
      separator: hierarchy.separator,
    });
    if (pattern === undefined) return { text: "LSUB completed" };
    const matched = new MatchedNames([pattern]);
    for (const node of mailboxTree(await user.mail.listMailboxes(), hierarchy)) {
      await output.pace();
      if (!matched.has(node.name)) continue;
      const stands = pattern.hasLevelWildcard && standsForOthers(node, matched);
      if (!node.isSubscribed && !stands) continue;
      const attributes = node.isSubscribed ? "" : "\\Noselect";
      const name = formatQuotedMailbox(node.name, enabled);
      output.untagged(`LSUB (${attributes}) "${node.separator}" ${name}`);
    }
    return { text: "LSUB completed" };
  },
});

/** With "%", a level stands for the subscribed names below it that the pattern does not reach. */
const standsForOthers = (node: MailboxNode, matched: MatchedNames): boolean =>
  node.descendants.some(({ isSubscribed, name }) => isSubscribed && !matched.has(name));
