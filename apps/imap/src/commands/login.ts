import { logIn, requirePrivacy } from "../authentication.ts";
import { defineCommand } from "../command.ts";

/** LOGIN: RFC 3501 §6.2.3. */
export const login = defineCommand({
  name: "LOGIN",
  states: ["not-authenticated"],
  expunges: "hold",
  async run(_state, args, session) {
    requirePrivacy(session);
    args.sp();
    const username = args.astring();
    args.sp();
    const password = args.astring();
    args.end();
    return await logIn(session, { username, password });
  },
});
