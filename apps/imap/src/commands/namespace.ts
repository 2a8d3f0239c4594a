import { defineCommand, loggedIn } from "../command.ts";
import { restorePrefix } from "../mailboxes/restore-name.ts";
import { sharedPrefix } from "../mailboxes/shared-name.ts";
import { formatString } from "../syntax/strings.ts";

/**
 * NAMESPACE: RFC 2342 §5. One's own mail, what was expunged of it behind the first, since programs that know of
 * one such namespace take the first; and that of other users, by their addresses.
 */
export const namespace = defineCommand({
  name: "NAMESPACE",
  states: loggedIn,
  capability: "NAMESPACE",
  expunges: "tell",
  run({ user }, args, { output }) {
    args.end();
    const { prefix, separator } = user.mail.hierarchy;
    const restore = user.mail.hasRestore ? `("${restorePrefix}" "/")` : "";
    output.untagged(
      `NAMESPACE ((${formatString(prefix)} "${separator}")${restore}) (("${sharedPrefix}" "/")) NIL`,
    );
    return { text: "NAMESPACE completed" };
  },
});
