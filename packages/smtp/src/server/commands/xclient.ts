import {
  parseClientAttributes,
  xclientAttributes,
  xforwardAttributes,
} from "../client-attributes.ts";
import { defineCommand } from "../command.ts";
import type { ClientAttributes } from "../handler.ts";
import { badParameter, replies } from "../replies.ts";
import type { Session } from "../session.ts";

/**
 * XCLIENT, as Postfix describes it: a trusted peer says for whom it speaks, and the session begins anew as
 * that client's, with a greeting or with what that client would be refused with.
 */
export const xclient = defineCommand({
  name: "XCLIENT",
  async run(session, argument) {
    const said = read(session, argument, xclientAttributes);
    if (said === undefined) return;
    if (said.login !== undefined && session.options.handler.authenticate === undefined) {
      return session.bad(badParameter("Nobody logs in here: no LOGIN"));
    }
    await session.becomeClient(said);
  },
});

/** XFORWARD, as Postfix describes it: whose the next message was, for the log alone. */
export const xforward = defineCommand({
  name: "XFORWARD",
  run(session, argument) {
    const said = read(session, argument, xforwardAttributes);
    if (said === undefined) return;
    session.forwardFor(said);
    session.reply(replies.ok);
  },
});

function read(
  session: Session,
  argument: string,
  known: Parameters<typeof parseClientAttributes>[1],
): ClientAttributes | undefined {
  if (session.options.mayNameClients === undefined) session.bad(replies.unknownCommand);
  else if (!session.mayNameClients) session.bad(replies.mayNotNameClients);
  else if (session.transaction !== undefined) session.bad(replies.nestedMail);
  else {
    const parsed = parseClientAttributes(argument, known);
    if ("value" in parsed) return parsed.value;
    session.bad(parsed.refusal);
  }
  return undefined;
}
