import { capabilityText } from "../capabilities.ts";
import { anyState, defineCommand } from "../command.ts";

/** CAPABILITY: RFC 3501 §6.1.1. */
export const capability = defineCommand({
  name: "CAPABILITY",
  states: anyState,
  expunges: "tell",
  run(_state, args, session) {
    args.end();
    session.output.untagged(`CAPABILITY ${capabilityText(session)}`);
    return { text: "CAPABILITY completed" };
  },
});
