import type { BodyReceiver } from "../body-receiver.ts";
import { endChunk, refuseChunk, transactionForChunk } from "../chunks.ts";
import { defineCommand } from "../command.ts";
import { MessageRefused } from "../handler.ts";
import { replies } from "../replies.ts";
import type { Session } from "../session.ts";

/** BURL: RFC 4468 §3.2. A part of a message that we fetch, among those that the client sends by BDAT. */
export const burl = defineCommand({
  name: "BURL",
  async run(session, argument) {
    if (session.options.handler.fetchUrl === undefined) {
      return session.bad(replies.notImplemented);
    }
    const match = /^([a-z][a-z\d+.-]*:[!-~]+)( +LAST)?$/i.exec(argument);
    if (match?.[1] === undefined) return session.bad(replies.badBurlSyntax);
    const transaction = transactionForChunk(session);
    // Nothing is fetched for a message that nobody gets.
    if ("code" in transaction) return refuseChunk(session, transaction);
    if (session.peer.authenticatedAs === undefined) return session.bad(replies.authRequired);
    transaction.chunks ??= session.beginBody(transaction);
    const body = transaction.chunks;
    const before = body.takenBytes;
    await takeUrl(session, match[1], body);
    const taken = `${body.takenBytes - before} octets taken`;
    await endChunk(session, body, { isLast: match[2] !== undefined, taken });
  },
});

/** Until it is all there or one too many; the reason why not is the body's refusal. */
async function takeUrl(session: Session, url: string, body: BodyReceiver): Promise<void> {
  const { handler } = session.options;
  try {
    for await (const octets of handler.fetchUrl?.(url, session.peer) ?? []) {
      const isTaken = body.take(octets);
      if (isTaken !== undefined) await isTaken;
      if (body.refusal !== undefined) return;
    }
  } catch (error) {
    if (!(error instanceof MessageRefused)) throw error;
    body.refuse(error.reply);
  }
}
