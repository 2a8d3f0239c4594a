import type { Envelope } from "../envelope.ts";
import type { Reply } from "../reply.ts";

/** What became of a recipient: RFC 3464 §2.3.3. */
export type DsnAction = "failed" | "delayed" | "delivered" | "relayed" | "expanded";

/** One recipient in a notification. */
export interface DsnRecipient {
  /** Where it went; told to no one when it differs from `originalAddress`. */
  readonly address: string;
  /** What RCPT TO said when we accepted it, and so what the sender knows (RFC 3464 §2.3.2). */
  readonly originalAddress?: string;
  /** `rfc822;ann@example.org`, decoded. */
  readonly orcpt?: string;
  /** Absent: the kind of the notification. */
  readonly action?: DsnAction;
  /** RFC 3463. Absent: that of the reply, or a general one of the right class. */
  readonly status?: string;
  /** What the other side said, or a sentence of our own. */
  readonly diagnostic?: Reply | string;
  /** The host that said it. */
  readonly remoteMta?: string;
  readonly lastAttemptMs?: number;
  /** For `delayed`: when we give up (RFC 3464 §2.3.9). */
  readonly willRetryUntilMs?: number;
}

/** The message that it is about, as far as it comes back. */
export interface DsnOriginal {
  /** The message, or its header alone. It is read once, while the notification is read. */
  readonly octets: Uint8Array | AsyncIterable<Uint8Array>;
  /** Of the whole message; absent: only the header comes back. */
  readonly sizeBytes?: number;
  /** Absent: that of the envelope. */
  readonly ret?: "FULL" | "HDRS";
}

export interface DsnInput {
  readonly kind: DsnAction;
  /** Of the message that it is about; its reverse-path is where the notification goes. */
  readonly envelope: Envelope;
  /** Our host name. */
  readonly reportingMta: string;
  readonly recipients: readonly DsnRecipient[];
  readonly original?: DsnOriginal;
  readonly nowMs: number;
  /** For Message-ID, without angle brackets. */
  readonly messageId: string;
  /** The whole value of From: `Mail delivery <postmaster@example.org>`. */
  readonly from: string;
}

/**
 * A message to be sent to the reverse-path of the one it is about, with MAIL FROM:<> and NOTIFY=NEVER
 * (RFC 3461 §6.1).
 */
export interface ComposedDsn extends AsyncIterable<Uint8Array> {
  /** For BODY of its own transaction. */
  readonly body: "7BIT" | "8BITMIME";
  /** Its own header has UTF-8, so it needs SMTPUTF8. */
  readonly smtpUtf8: boolean;
}
