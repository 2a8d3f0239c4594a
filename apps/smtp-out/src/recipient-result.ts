import type { Delivery, Destination, HostTry, PendingRecipient } from "@posthouse/queue";
import type { Reply } from "@posthouse/smtp";

/** What one attempt came to for one recipient. */
export interface RecipientResult {
  /** Its place in the envelope. */
  readonly recipient: number;
  readonly reply: Reply;
  /** Who said it; absent when we say it ourselves. */
  readonly remoteHost?: string;
  /** The next host took over to report success and delay (RFC 3461 §5.2.1). */
  readonly isDsnPassedOn: boolean;
}

/** One attempt: every recipient of the delivery has a result. */
export interface AttemptResult {
  readonly results: readonly RecipientResult[];
  /** For the event trail: the host and how the session was protected. */
  readonly host?: string;
  readonly tls?: string;
  /** The hosts that were asked, in their order; none where the mail stays here. */
  readonly tries?: readonly HostTry[];
  /** What the destination's hosts did: none answered, one did, or one asked us to slow down. */
  readonly destination?: "down" | "up" | "slow-down" | undefined;
  /** lmtp-delivery was not there: it is tried again soon, since it comes back by itself. */
  readonly isDeliveryDown?: boolean;
}

/** Carries a delivery to one destination; one for all deliveries of a claim, in turn. */
export interface Carrier extends AsyncDisposable {
  /**
   * To these of its recipients. No host gets the end of the message, and so can take it, before `previous` is over:
   * until the end of the message before it is on disk.
   */
  carry(
    delivery: Delivery,
    recipients: Delivery["recipients"],
    previous: Promise<void>,
  ): Promise<AttemptResult>;
  /**
   * Deliveries of one message with the same answer go to the same hosts by the same rules, and may share a
   * transaction; undefined when this one may not.
   */
  sharedKey?(delivery: Delivery, destination: Destination): Promise<string | undefined>;
  /** Whether a host has taken its connection; absent where there is none to wait for. */
  readonly isConnected?: boolean;
  /** Gives up what is under way. */
  abort(): void;
}

/** The same answer of our own for all. */
export function sameForAll(recipients: readonly PendingRecipient[], reply: Reply): AttemptResult {
  return {
    results: recipients.map(({ recipient }) => ({ recipient, reply, isDsnPassedOn: false })),
  };
}

/** In groups as large as one transaction may be. */
export function* groupsOf<T>(items: readonly T[], sizeMax: number): Generator<readonly T[]> {
  for (let at = 0; at < items.length; at += sizeMax) yield items.slice(at, at + sizeMax);
}
