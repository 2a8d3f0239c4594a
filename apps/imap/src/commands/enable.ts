import { defineCommand, loggedIn } from "../command.ts";

/** Extensions that stay off until the client asks; none yet. */
const enableable: ReadonlySet<string> = new Set();

/** ENABLE: RFC 5161 §3.1. Names that are not known, or cannot be enabled, are passed over. */
export const enable = defineCommand({
  name: "ENABLE",
  states: loggedIn,
  capability: "ENABLE",
  expunges: "tell",
  run(_state, args, { output }) {
    const names: string[] = [];
    do {
      args.sp();
      names.push(args.keyword());
    } while (!args.isAtEnd);

    const enabled = names.filter((name) => enableable.has(name));
    output.untagged(["ENABLED", ...enabled].join(" "));
    return { text: "ENABLE completed" };
  },
});
