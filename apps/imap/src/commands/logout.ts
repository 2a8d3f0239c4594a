import { anyState, defineCommand } from "../command.ts";

/** LOGOUT: RFC 3501 §6.1.3. */
export const logout = defineCommand({
  name: "LOGOUT",
  states: anyState,
  expunges: "hold",
  run(_state, args, session) {
    args.end();
    session.output.untagged(`BYE ${session.inLanguage("Logging out")}`);
    return { text: "LOGOUT completed", state: { name: "logout" } };
  },
});
