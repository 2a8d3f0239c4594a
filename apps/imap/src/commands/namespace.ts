import { defineCommand, loggedIn } from "../command.ts";
import { sharedPrefix } from "../mailboxes/shared-name.ts";
import { formatString } from "../syntax/strings.ts";

/** NAMESPACE: RFC 2342 §5. One's own mail, and that of other users, by their addresses. */
export const namespace = defineCommand({
  name: "NAMESPACE",
  states: loggedIn,
  capability: "NAMESPACE",
  expunges: "tell",
  run({ user }, args, { output }) {
    args.end();
    const { prefix, separator } = user.mail.hierarchy;
    output.untagged(
      `NAMESPACE ((${formatString(prefix)} "${separator}")) (("${sharedPrefix}" "/")) NIL`,
    );
    return { text: "NAMESPACE completed" };
  },
});
