import { isPositive } from "../../reply.ts";
import { defineCommand } from "../command.ts";
import { serverLimits } from "../limits.ts";
import { parseRcptCommand } from "../rcpt-command.ts";
import { replies } from "../replies.ts";

/** RCPT: RFC 5321 §4.1.1.3. */
export const rcpt = defineCommand({
  name: "RCPT",
  needs: "mail",
  async run(session, argument) {
    const { transaction } = session;
    if (transaction === undefined) return session.bad(replies.mailFirst);
    if (transaction.chunks !== undefined) return session.bad(replies.rcptAfterBdat);
    transaction.isRecipientTried = true;
    const parsed = parseRcptCommand(argument, session.rcptCommandRules(transaction.mail));
    if ("refusal" in parsed) return session.bad(parsed.refusal);
    if (transaction.recipientCount >= session.options.recipientsMax) {
      return session.reply(replies.tooManyRecipients);
    }
    const answer = await transaction.handler.rcptTo(parsed.value);
    if (isPositive(answer)) transaction.recipientCount++;
    else if (++session.refusedRecipients > serverLimits.refusedRecipientsMax) {
      return session.turnOut(`${session.refusedRecipients} refused recipients`);
    }
    session.reply(answer);
  },
});
