import { defineCommand } from "../command.ts";
import { DotUnstuffer } from "../dot-unstuffer.ts";
import { replies } from "../replies.ts";
import type { Session } from "../session.ts";

/** DATA: RFC 5321 §4.1.1.4. */
export const data = defineCommand({
  name: "DATA",
  needs: "mail",
  run(session, argument) {
    const { transaction } = session;
    if (transaction === undefined) return session.bad(replies.mailFirst);
    if (argument !== "") return session.bad(replies.noArgument);
    // RFC 3030 §2 and §3
    if (transaction.chunks !== undefined) return session.bad(replies.dataAfterBdat);
    if (transaction.mail.body === "BINARYMIME") return session.bad(replies.binaryNeedsBdat);
    if (transaction.recipientCount === 0) return session.bad(session.noRecipientReply(transaction));
    return receive(session);
  },
});

async function receive(session: Session): Promise<void> {
  const { transaction, input } = session;
  if (transaction === undefined) return;
  session.reply({ code: 354, text: "End data with <CR><LF>.<CR><LF>" });
  const body = session.beginBody(transaction);
  const unstuffer = new DotUnstuffer();
  for (;;) {
    if (!(await session.more())) return await body.abandon();
    if (!session.isFastEnough(body)) return await body.abandon();
    const { text, consumed, isEnd } = unstuffer.push(input.octets());
    input.consume(consumed);
    if (isEnd) return await session.finishBody(body, text);
    const isTaken = body.take(text);
    if (isTaken !== undefined) await isTaken;
    if (body.isFarTooLarge) {
      await body.abandon();
      return session.hangUp(replies.tooMuchSwallowed);
    }
  }
}
