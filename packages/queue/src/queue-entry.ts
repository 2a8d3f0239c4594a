import type { Reply } from "@posthouse/smtp";
import { LOCAL } from "./destination.ts";
import type { EntryRow, RecipientRow } from "./index-database.ts";
import { type FinalStatus, parseReply } from "./outcome.ts";

/** Everything that `queue list`, `queue show` and explain() need. */
export interface QueueEntryDetail {
  readonly id: string;
  readonly messageId: string;
  readonly reversePath: string;
  readonly receivedAtMs: number;
  readonly messageBytes: number;
  /** The administrator stopped it, or a rule of his. */
  readonly isHeld: boolean;
  /** The rule that stopped it. */
  readonly heldBy?: string;
  readonly recipients: readonly QueueRecipient[];
  /** Sending to other hosts is switched off: mail for them waits. */
  readonly isSendingOff: boolean;
}

export interface QueueRecipient {
  readonly address: string;
  /** A domain, an address literal, or "local". Undefined once it is done with. */
  readonly destination: string | undefined;
  readonly state:
    | { readonly kind: "final"; readonly status: FinalStatus }
    | { readonly kind: "on-hold" }
    | { readonly kind: "sending-is-off" }
    | { readonly kind: "being-sent" }
    | { readonly kind: "due" }
    | { readonly kind: "waiting"; readonly untilMs: number }
    /** No host of its destination answered, to this message or another one: all of them wait. */
    | { readonly kind: "destination-is-down"; readonly untilMs: number };
  readonly attempts: number;
  readonly lastReply?: Reply;
  /** The host that said it; absent when nobody else did. */
  readonly remoteHost?: string;
  readonly repliedAtMs?: number;
}

export function queueEntryOf(
  row: EntryRow,
  recipients: readonly RecipientRow[],
  { nowMs, isSendingOff }: { readonly nowMs: number; readonly isSendingOff: boolean },
): QueueEntryDetail {
  const { heldBy, ...rest } = row;
  return {
    ...rest,
    isHeld: row.isHeld === 1,
    ...(heldBy !== null && { heldBy }),
    isSendingOff,
    recipients: recipients.map((recipient) => ({
      address: recipient.address,
      destination: recipient.destination === LOCAL ? "local" : (recipient.destination ?? undefined),
      state: stateOf(recipient, row.isHeld === 1, nowMs, isSendingOff),
      attempts: recipient.attempts ?? 0,
      ...lastReplyOf(recipient),
    })),
  };
}

function stateOf(
  { status, dueMs, isLeased, destination, pausedUntilMs }: RecipientRow,
  isHeld: boolean,
  nowMs: number,
  isSendingOff: boolean,
): QueueRecipient["state"] {
  if (status !== null) return { kind: "final", status };
  if (isLeased === 1 && dueMs !== null && dueMs > nowMs) return { kind: "being-sent" };
  if (isHeld || dueMs === null) return { kind: "on-hold" };
  if (isSendingOff && destination !== LOCAL) return { kind: "sending-is-off" };
  if (pausedUntilMs !== null && pausedUntilMs > Math.max(dueMs, nowMs)) {
    return { kind: "destination-is-down", untilMs: pausedUntilMs };
  }
  return dueMs > nowMs ? { kind: "waiting", untilMs: dueMs } : { kind: "due" };
}

function lastReplyOf({ reply, remoteHost, repliedAtMs }: RecipientRow) {
  const lastReply = reply === null ? undefined : parseReply(JSON.parse(reply));
  return {
    ...(lastReply && { lastReply }),
    ...(remoteHost !== null && { remoteHost }),
    ...(repliedAtMs !== null && { repliedAtMs }),
  };
}
