import { defineCommand } from "../command.ts";
import { replies } from "../replies.ts";

/** QUIT: RFC 5321 §4.1.1.10. */
export const quit = defineCommand({
  name: "QUIT",
  run(session, argument) {
    if (argument !== "") return session.bad(replies.noArgument);
    return session.hangUp(replies.bye);
  },
});
