import { defineCommand } from "../command.ts";
import { replies } from "../replies.ts";

/** STARTTLS: RFC 3207 §4. */
export const starttls = defineCommand({
  name: "STARTTLS",
  async run(session, argument) {
    if (argument !== "") return session.bad(replies.noArgument);
    if (session.peer.tls !== undefined) return session.bad(replies.tlsIsOn);
    if (!session.canStartTls) return session.bad(replies.notImplemented);
    // RFC 3207 §4.2: all that was said in the clear is forgotten, a transaction too.
    await session.endTransaction(() => {});
    session.reply({ code: 220, enhanced: "2.0.0", text: "Ready to start TLS" });
    await session.startTls();
  },
});
