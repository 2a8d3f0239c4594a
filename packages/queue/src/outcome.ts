import type { Reply } from "@posthouse/smtp";
import { limits } from "./limits.ts";

/**
 * How it ended for one recipient. "delivered": into a mailbox here. "relayed": the next host took it
 * over. "failed": refused for good, or given up.
 */
export type FinalStatus = "delivered" | "relayed" | "failed";

const finalStatuses: ReadonlySet<unknown> = new Set<FinalStatus>([
  "delivered",
  "relayed",
  "failed",
]);

/** The end of one recipient, as it is kept in the entry's file. */
export interface Outcome {
  /** The recipient's place in the envelope. */
  readonly recipient: number;
  readonly status: FinalStatus;
  /** What the remote host said, or what we say where nobody did. */
  readonly reply: Reply;
  /** The host that said it, for Remote-MTA of RFC 3464 §2.3.5; absent when we say it ourselves. */
  readonly remoteHost?: string;
  /** The sender has to be told of it by a DSN: the entry stays until a "notified" record says so. */
  readonly tellsSender?: boolean;
}

/** As it is kept: thousands of recipients with long replies still make a small record. */
export function withShortReply<T extends { readonly reply: Reply }>(said: T): T {
  const { text } = said.reply;
  if (text.length <= limits.replyTextCharsMax) return said;
  // A pair of surrogates that the cut parts would not be Unicode any more.
  const cut = text.slice(0, limits.replyTextCharsMax).toWellFormed();
  return { ...said, reply: { ...said.reply, text: `${cut} …` } };
}

/** Undefined when it is not an outcome. */
export function parseOutcome(value: unknown): Outcome | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { recipient, status, reply, remoteHost, tellsSender } = value as Record<string, unknown>;
  const parsedReply = parseReply(reply);
  if (!Number.isSafeInteger(recipient) || Number(recipient) < 0) return undefined;
  if (!finalStatuses.has(status) || parsedReply === undefined) return undefined;
  return {
    recipient: Number(recipient),
    status: status as FinalStatus,
    reply: parsedReply,
    ...(typeof remoteHost === "string" && { remoteHost }),
    ...(tellsSender === true && { tellsSender }),
  };
}

/** Undefined when it is not a reply. */
export function parseReply(value: unknown): Reply | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { code, enhanced, text } = value as Record<string, unknown>;
  if (!Number.isInteger(code) || typeof text !== "string") return undefined;
  return { code: Number(code), ...(typeof enhanced === "string" && { enhanced }), text };
}
