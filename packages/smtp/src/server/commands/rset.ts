import { defineCommand } from "../command.ts";
import { replies } from "../replies.ts";

/** RSET: RFC 5321 §4.1.1.5. */
export const rset = defineCommand({
  name: "RSET",
  run(session, argument) {
    if (argument !== "") return session.bad(replies.noArgument);
    return session.endTransaction(() => session.reply(replies.ok));
  },
});
