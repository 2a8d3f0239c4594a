import { defineCommand, transaction } from "../command.ts";

/** NOOP: RFC 1939 §5. */
export const noop = defineCommand({
  name: "NOOP",
  states: transaction,
  run(_state, args) {
    args.end();
    return { text: "Still here" };
  },
});
