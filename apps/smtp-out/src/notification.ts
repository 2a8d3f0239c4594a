import type { Outcome } from "@posthouse/queue";
import { type DsnAction, isPermanent, isPositive, recipientsToNotify } from "@posthouse/smtp";
import type { Envelope, EnvelopeRecipient } from "@posthouse/smtp/envelope";
import type { RecipientResult } from "./recipient-result.ts";

/** Whether the sender hears of this end or delay: NOTIFY of RFC 3461 §4.1 and its default. */
export function isToldOf(
  action: DsnAction,
  envelope: Envelope,
  { address, originalAddress }: EnvelopeRecipient,
): boolean {
  return recipientsToNotify(envelope, [{ address, originalAddress, action }]).length > 0;
}

/**
 * The end that this result is, or undefined when it has to be tried again. `expiry` says whether the
 * time of the message is over: then what is temporary is final.
 */
export function outcomeOf(
  envelope: Envelope,
  recipient: EnvelopeRecipient,
  { recipient: n, reply, remoteHost, isDsnPassedOn }: RecipientResult,
  expiry: "in-time" | "given-up" | "too-late-for-its-sender",
): Outcome | undefined {
  const said = { recipient: n, reply, ...(remoteHost !== undefined && { remoteHost }) };
  if (isPositive(reply)) {
    const status = recipient.isLocal ? "delivered" : "relayed";
    // RFC 3461 §5.2.2: a host that knows no DSN will not tell of the success, and so we do.
    const tellsSender = !isDsnPassedOn && isToldOf(status, envelope, recipient);
    return { ...said, status, ...(tellsSender && { tellsSender }) };
  }
  if (!isPermanent(reply) && expiry === "in-time") return undefined;
  const tellsSender = isToldOf("failed", envelope, recipient);
  const failed = { ...said, status: "failed" as const, ...(tellsSender && { tellsSender }) };
  // RFC 2852: a message that its sender wanted returned by a time has a status of its own.
  return !isPermanent(reply) && expiry === "too-late-for-its-sender"
    ? { ...failed, reply: { ...reply, code: 554, enhanced: "5.4.7" } }
    : failed;
}
