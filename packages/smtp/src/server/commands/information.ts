import { defineCommand } from "../command.ts";
import { replies } from "../replies.ts";

/** VRFY: RFC 5321 §3.5.3 and §7.3. Who lives here is told to nobody who does not send. */
export const vrfy = defineCommand({
  name: "VRFY",
  async run(session, argument) {
    const { handler } = session.options;
    if (argument === "") return session.bad(replies.badVrfySyntax);
    session.reply((await handler.verify?.(argument, session.peer)) ?? replies.cannotVerify);
  },
});

/** EXPN: RFC 5321 §3.5.2 leaves it to us. */
export const expn = defineCommand({
  name: "EXPN",
  async run(session, argument) {
    const { handler } = session.options;
    if (handler.expand === undefined) return session.bad(replies.notImplemented);
    if (argument === "") return session.bad(replies.badExpnSyntax);
    session.reply(await handler.expand(argument, session.peer));
  },
});

/** HELP: RFC 5321 §4.1.1.8. */
export const help = defineCommand({
  name: "HELP",
  run: (session) => session.reply(replies.help),
});

/** NOOP: RFC 5321 §4.1.1.9; an argument is ignored. */
export const noop = defineCommand({
  name: "NOOP",
  run: (session) => session.reply(replies.ok),
});
