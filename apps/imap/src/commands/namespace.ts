import { defineCommand, loggedIn } from "../command.ts";

/** NAMESPACE: RFC 2342 §5. All mail is the user's own; nothing is shared yet. */
export const namespace = defineCommand({
  name: "NAMESPACE",
  states: loggedIn,
  expunges: "tell",
  run(_state, args, { output }) {
    args.end();
    output.untagged('NAMESPACE (("" "/")) NIL NIL');
    return { text: "NAMESPACE completed" };
  },
});
