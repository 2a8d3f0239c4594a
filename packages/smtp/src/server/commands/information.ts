import { defineCommand } from "../command.ts";
import { replies } from "../replies.ts";

/** VRFY: RFC 5321 §3.5.3 and §7.3. Who lives here is told to nobody who does not send. */
export const vrfy = defineCommand({
  name: "VRFY",
  run(session, argument) {
    if (argument === "") return session.bad(replies.badVrfySyntax);
    session.reply(replies.cannotVerify);
  },
});

/** EXPN: RFC 5321 §3.5.2 leaves it to us. */
export const expn = defineCommand({
  name: "EXPN",
  run: (session) => session.bad(replies.notImplemented),
});

/** ETRN: RFC 1985. Known, so that it is 502 and not 500 (RFC 5321 §4.2.4). */
export const etrn = defineCommand({
  name: "ETRN",
  run: (session) => session.bad(replies.notImplemented),
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
