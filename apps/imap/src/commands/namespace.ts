import { defineCommand, loggedIn } from "../command.ts";
import { formatString } from "../syntax/strings.ts";

/** NAMESPACE: RFC 2342 §5. All mail is the user's own; nothing is shared yet. */
export const namespace = defineCommand({
  name: "NAMESPACE",
  states: loggedIn,
  capability: "NAMESPACE",
  expunges: "tell",
  run({ user }, args, { output }) {
    args.end();
    const { prefix, separator } = user.mail.hierarchy;
    output.untagged(`NAMESPACE ((${formatString(prefix)} "${separator}")) NIL NIL`);
    return { text: "NAMESPACE completed" };
  },
});
