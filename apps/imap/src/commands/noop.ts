import { anyState, defineCommand } from "../command.ts";

/** NOOP: RFC 3501 §6.1.2. What is new is told behind every command, so there is nothing left to do. */
export const noop = defineCommand({
  name: "NOOP",
  states: anyState,
  expunges: "tell",
  run(_state, args) {
    args.end();
    return { text: "NOOP completed" };
  },
});
