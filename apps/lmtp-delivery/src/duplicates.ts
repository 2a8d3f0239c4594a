import { createHash } from "node:crypto";
import { type AccountScripts, StoreError } from "@posthouse/mailbox-store";
import { headerValue, parseMessageIds } from "@posthouse/message";
import { isPositive, type Reply } from "@posthouse/smtp";

export interface OnceOptions {
  readonly scripts: AccountScripts;
  /** How long a Message-ID is known; 0 for not at all. */
  readonly seconds: number;
  /** The beginning of the message. */
  readonly head: Uint8Array;
  readonly deliver: () => Promise<Reply>;
  /** The reply for one that this account has already. */
  readonly repeated: () => Reply;
}

/**
 * Delivers a message whose Message-ID this account has not had, or not for long. What was delivered is
 * remembered after that, so that no crash loses a message; one in between may come twice. That is an
 * option and off by default: the identifier is the sender's to choose, and whoever knows one that will be
 * used can keep that message away.
 */
export async function deliverOnce(options: OnceOptions): Promise<Reply> {
  const { scripts, seconds, head, deliver, repeated } = options;
  const key = seconds === 0 ? undefined : keyOf(head);
  if (key === undefined) return await deliver();
  const nowMs = Date.now();
  if (await orFalse(scripts.isRemembered(key, nowMs))) return repeated();
  const reply = await deliver();
  if (isPositive(reply)) {
    await orFalse(scripts.remember([{ key, untilMs: nowMs + seconds * 1000 }], nowMs));
  }
  return reply;
}

/** Undefined for a message without an identifier, and for one with several, which is none. */
function keyOf(head: Uint8Array): string | undefined {
  const [id, another] = parseMessageIds(headerValue(head, "message-id") ?? "");
  if (id === undefined || another !== undefined) return undefined;
  return `message-id:${createHash("sha256").update(id).digest("hex").slice(0, 32)}`;
}

/** A memory that cannot be used makes a message come twice, and keeps none away. */
async function orFalse(work: Promise<unknown>): Promise<boolean> {
  try {
    return (await work) === true;
  } catch (error) {
    if (error instanceof StoreError) return false;
    throw error;
  }
}
