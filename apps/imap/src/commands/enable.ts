import { defineCommand, loggedIn } from "../command.ts";
import { type EnableName, enableNames } from "../enabled.ts";

/** ENABLE: RFC 5161 §3.1. Names that are not known, or cannot be enabled, are passed over. */
export const enable = defineCommand({
  name: "ENABLE",
  states: loggedIn,
  capability: "ENABLE",
  expunges: "tell",
  async run(_state, args, session) {
    const names: string[] = [];
    do {
      args.sp();
      names.push(args.keyword());
    } while (!args.isAtEnd);

    // Only what this command changed is named (RFC 5161 §3.2).
    const enabled = names.filter(
      (name) => isEnableable(name) && !session.switchedOff.has(name) && session.enable(name),
    );
    if (enabled.some((name) => name === "METADATA" || name === "METADATA-SERVER")) {
      await session.watchMetadata();
    }
    session.output.untagged(["ENABLED", ...enabled].join(" "));
    return { text: "ENABLE completed" };
  },
});

const isEnableable = (name: string): name is EnableName =>
  enableNames.some((known) => known === name);
