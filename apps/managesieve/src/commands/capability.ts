import { capabilityLines } from "../capabilities.ts";
import { anyState, defineCommand } from "../command.ts";

/** CAPABILITY: RFC 5804 §2.4. */
export const capability = defineCommand({
  name: "CAPABILITY",
  states: anyState,
  run(state, args, session) {
    args.end();
    return { text: "These are all", data: capabilityLines(session, state) };
  },
});
