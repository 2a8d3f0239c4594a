import { requirePrivacy } from "../authentication.ts";
import { authorization, defineCommand } from "../command.ts";

/**
 * USER: RFC 1939 §7. Every name is accepted, so that nobody can ask which exist (RFC 1939 §13); a
 * second USER takes the place of the first.
 */
export const user = defineCommand({
  name: "USER",
  states: authorization,
  run(_state, args, session) {
    requirePrivacy(session);
    const username = args.text("a user name");
    return { text: "Send your password", state: { name: "named", username } };
  },
});
