import { defineCommand } from "../command.ts";

/** UNSELECT: RFC 3691. CLOSE that expunges nothing. */
export const unselect = defineCommand({
  name: "UNSELECT",
  capability: "UNSELECT",
  states: ["selected"],
  expunges: "hold",
  run({ user }, args) {
    args.end();
    return { text: "UNSELECT completed", state: { name: "authenticated", user } };
  },
});
