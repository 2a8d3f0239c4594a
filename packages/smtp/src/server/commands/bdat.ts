import type { BodyReceiver } from "../body-receiver.ts";
import { endChunk, refuseChunk, transactionForChunk } from "../chunks.ts";
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
    const transaction = transactionForChunk(session);
    if ("code" in transaction) {
      if (!(await takeChunk(session, length, undefined))) return;
      return refuseChunk(session, transaction);
    }
    transaction.chunks ??= session.beginBody(transaction);
    const body = transaction.chunks;
    // Refused at once, before a megabyte too many is stored.
    if (body.takenBytes + length > session.options.messageBytesMax) body.refuse(replies.tooLarge);
    if (!(await takeChunk(session, length, body))) return await body.abandon();
    const isLast = match[2] !== undefined;
    await endChunk(session, body, { isLast, taken: `${length} octets taken` });
  },
});

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
