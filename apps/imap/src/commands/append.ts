import { defineCommand, loggedIn, type Session } from "../command.ts";
import { IncomingMessages } from "../incoming-messages.ts";
import type { User } from "../state.ts";
import { formatUidSet } from "../syntax/sequence-set.ts";
import { explainTarget } from "./copy.ts";

/**
 * APPEND: RFC 3501 §6.3.11, of several messages (RFC 3502), of parts (CATENATE, RFC 4469), with NUL (literal8,
 * RFC 3516 §4.4) and with UTF8 (RFC 6855 §4), and with the APPENDUID of RFC 4315.
 *
 * The store asks for the first message when it knows the mailbox, and only then is the client told to send:
 * what cannot be taken is refused before it travels.
 */
export const append = defineCommand({
  name: "APPEND",
  states: loggedIn,
  expunges: "tell",
  waitsForClient: true,
  isChange: true,
  // The first literal is a message, unless it stands where the name of the mailbox belongs.
  takesLiteral: (argumentsSoFar, literalsBefore) =>
    literalsBefore > 0 || !/^ ~?\{/.test(argumentsSoFar),
  async run({ user }, args, session) {
    args.sp();
    const mailboxName = args.mailbox();
    const messages = new IncomingMessages(user, session, args);
    const first = await messages.begin({ target: mailboxName });
    const appended = await user.mail.append(mailboxName, messages.all(first)).catch(explainTarget);
    recordAppended(session, user, mailboxName, messages);
    await session.noteOwnMessages(mailboxName, appended, "APPEND");
    return {
      text: "APPEND completed",
      code: `APPENDUID ${appended.uidValidity} ${formatUidSet(appended.uids)}`,
    };
  },
});

/** One entry of the event trail a message. */
export function recordAppended(
  { services }: Session,
  { account }: User,
  mailbox: string,
  { sizesBytes }: IncomingMessages,
): void {
  for (const sizeBytes of sizesBytes) {
    services.events.record({ type: "appended", account: account.address, mailbox, sizeBytes });
  }
}
