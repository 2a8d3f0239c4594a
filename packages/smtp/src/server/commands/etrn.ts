import { domainToASCII } from "node:url";
import { defineCommand } from "../command.ts";
import { replies } from "../replies.ts";

/** ETRN: RFC 1985 §5. Where it is not there it is known all the same: 502 and not 500 (RFC 5321 §4.2.4). */
export const etrn = defineCommand({
  name: "ETRN",
  async run(session, argument) {
    const { handler } = session.options;
    if (handler.sendWaiting === undefined) return session.bad(replies.notImplemented);
    if (session.peer.helo === "") return session.bad(session.helloFirstReply);
    // RFC 1985 §5: not between MAIL and the end of DATA.
    if (session.transaction !== undefined) return session.bad(replies.nestedMail);
    // RFC 1985 §7 has 500 for none, and 501 for one that is wrong.
    if (argument === "") return session.bad(replies.badEtrnSyntax);
    // RFC 1985 §5.3 leaves subdomains and queues to us.
    if (/^[@#]/.test(argument)) return session.bad(replies.etrnOfOneDomain);
    const domain = domainOf(argument);
    if (domain === undefined) return session.bad(replies.badEtrnDomain);
    session.reply(await handler.sendWaiting(domain, session.peer));
  },
});

/** A fully qualified domain in lower case and A-labels, or undefined. */
function domainOf(text: string): string | undefined {
  const domain = domainToASCII(text.replace(/\.$/, "")).toLowerCase();
  const isDomain =
    domain.length <= 253 &&
    /^(?:[a-z\d](?:[a-z\d-]{0,61}[a-z\d])?\.)+[a-z](?:[a-z\d-]{0,61}[a-z\d])?$/.test(domain);
  return isDomain ? domain : undefined;
}
