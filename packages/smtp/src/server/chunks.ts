import type { Reply } from "../reply.ts";
import type { BodyReceiver } from "./body-receiver.ts";
import { replies } from "./replies.ts";
import type { OpenTransaction, Session } from "./session.ts";

/** Why a part of a message cannot be taken now (RFC 3030 §2, RFC 4468 §3.2); else the transaction that it is of. */
export function transactionForChunk(session: Session): OpenTransaction | Reply {
  const { transaction } = session;
  if (session.peer.helo === "") return session.helloFirstReply;
  if (transaction === undefined) return replies.mailFirst;
  if (transaction.hasFailed) return replies.transactionFailed;
  if (transaction.recipientCount === 0) return session.noRecipientReply(transaction);
  return transaction;
}

/** Parts that were under way when an earlier one was refused are no mistakes (RFC 3030 §2). */
export function refuseChunk(session: Session, refusal: Reply): void {
  if (refusal === replies.transactionFailed) session.reply(refusal);
  else session.bad(refusal);
}

/** After the octets of a part: `taken` is said when more are to come. */
export async function endChunk(
  session: Session,
  body: BodyReceiver,
  { isLast, taken }: { readonly isLast: boolean; readonly taken: string },
): Promise<void> {
  if (isLast) return await session.finishBody(body);
  if (body.refusal === undefined) {
    return session.reply({ code: 250, enhanced: "2.0.0", text: taken });
  }
  // RFC 3030 §2: more may be under way; it is taken and refused until RSET.
  if (session.transaction !== undefined) session.transaction.hasFailed = true;
  session.reply(body.refusal);
  await body.abandon();
}
