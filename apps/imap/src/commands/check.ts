import { defineCommand } from "../command.ts";

/** CHECK: RFC 3501 §6.4.1. Everything is on disk before it is answered, so this is NOOP. */
export const check = defineCommand({
  name: "CHECK",
  states: ["selected"],
  expunges: "tell",
  run(_state, args) {
    args.end();
    return { text: "CHECK completed" };
  },
});
