import { logIn } from "../authentication.ts";
import { defineCommand } from "../command.ts";

/** PASS: RFC 1939 §7. All that follows the first space is the password. */
export const pass = defineCommand({
  name: "PASS",
  states: ["named"],
  run({ username }, args, session) {
    return logIn(session, { username, password: args.text("a password") });
  },
});
