import { anyState, defineCommand } from "../command.ts";

/** LOGOUT: RFC 5804 §2.3. */
export const logout = defineCommand({
  name: "LOGOUT",
  states: anyState,
  run(_state, args) {
    args.end();
    return { text: "Good-bye", state: { name: "closed" } };
  },
});
