import type { Reply } from "../../reply.ts";
import type { BodyReceiver } from "../body-receiver.ts";
import { defineCommand } from "../command.ts";
import { serverLimits } from "../limits.ts";
import { replies } from "../replies.ts";
import type { Session } from "../session.ts";

/**
 * BDAT: RFC 3030 §2. The octets follow the command whether it is right or wrong, so that they are
 * read and thrown away before any refusal: else the text of a message would be run as commands.
 */
export const bdat = defineCommand({
  name: "BDAT",
  async run(session, argument) {
    const match = /^(\d{1,20})( +LAST)?$/i.exec(argument);
    const length = Number(match?.[1]);
    if (match === null) return session.bad(replies.badBdatSyntax);
    if (length > session.options.messageBytesMax + serverLimits.swallowedBytesMax) {
      return session.hangUp(replies.tooMuchSwallowed);
    }
    const refusal = refusalOf(session);
    if (refusal !== undefined) {
      if (!(await takeChunk(session, length, undefined))) return;
      // Chunks that were under way when the first was refused are no mistakes (RFC 3030 §2).
      return refusal === replies.transactionFailed ? session.reply(refusal) : session.bad(refusal);
    }
    await chunk(session, length, match[2] !== undefined);
  },
});

function refusalOf(session: Session): Reply | undefined {
  const { transaction } = session;
  if (session.peer.helo === "") return session.helloFirstReply;
  if (transaction === undefined) return replies.mailFirst;
  if (transaction.hasFailed) return replies.transactionFailed;
  if (transaction.recipientCount === 0) return session.noRecipientReply(transaction);
  return undefined;
}

async function chunk(session: Session, length: number, isLast: boolean): Promise<void> {
  const { transaction } = session;
  if (transaction === undefined) return;
  transaction.chunks ??= session.beginBody(transaction);
  const body = transaction.chunks;
  // Refused at once, before a megabyte too many is stored.
  if (body.takenBytes + length > session.options.messageBytesMax) body.refuse(replies.tooLarge);
  if (!(await takeChunk(session, length, body))) return await body.abandon();
  if (isLast) return await session.finishBody(body);
  if (body.refusal === undefined) {
    return session.reply({ code: 250, enhanced: "2.0.0", text: `${length} octets taken` });
  }
  // RFC 3030 §2: more chunks may be under way; they are taken and refused until RSET.
  transaction.hasFailed = true;
  session.reply(body.refusal);
  await body.abandon();
}

/** False when the client went before the end of the chunk. */
async function takeChunk(
  session: Session,
  length: number,
  body: BodyReceiver | undefined,
): Promise<boolean> {
  const { input } = session;
  let left = length;
  while (left > 0) {
    // What the client sent along is here, and it waits for no reply before its octets are used.
    if (!input.hasBuffered() && !(await session.more())) return false;
    if (body !== undefined && !session.isFastEnough(body)) return false;
    const octets = input.octets().subarray(0, left);
    input.consume(octets.length);
    left -= octets.length;
    const isTaken = body?.take(octets);
    if (isTaken !== undefined) await isTaken;
  }
  return true;
}
