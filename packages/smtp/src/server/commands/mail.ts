import { defineCommand } from "../command.ts";
import { parseMailCommand } from "../mail-command.ts";
import { replies } from "../replies.ts";

/** MAIL: RFC 5321 §4.1.1.2. */
export const mail = defineCommand({
  name: "MAIL",
  needs: "hello",
  async run(session, argument) {
    const { options, peer } = session;
    if (session.transaction !== undefined) return session.bad(replies.nestedMail);
    if (peer.authenticatedAs === undefined && options.isAuthRequired?.(peer)) {
      return session.bad(session.canAuthenticate ? replies.authRequired : replies.tlsRequired);
    }
    const parsed = parseMailCommand(argument, session.mailCommandRules);
    if ("refusal" in parsed) return session.bad(parsed.refusal);

    const answer = await options.handler.mailFrom(parsed.value, peer);
    if ("code" in answer) return session.reply(answer);
    session.beginTransaction(parsed.value, answer);
    session.reply(replies.senderOk);
  },
});
