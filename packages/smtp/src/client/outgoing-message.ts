import type { Reply } from "../reply.ts";

/** ESMTP parameters by keyword, values as they stand on the wire; `true` for one without a value. */
export type SmtpParameters = Readonly<Record<string, string | true>>;

export interface OutgoingRecipient {
  /** Without angle brackets. */
  readonly address: string;
  /** NOTIFY, ORCPT (as xtext), and in our own LMTP hop XORIGINAL. */
  readonly parameters?: SmtpParameters;
}

/** One message for one transaction. */
export interface OutgoingMessage {
  /** Without angle brackets; "" is the null reverse-path (RFC 5321 §4.5.5). */
  readonly reversePath: string;
  /** RET, ENVID, REQUIRETLS and the like. BODY, SIZE and SMTPUTF8 are the client's own to write. */
  readonly mailParameters?: SmtpParameters;
  readonly recipients: readonly OutgoingRecipient[];
  /** The message with CRLF line ends. Without `isSentAtOnce` it is read only once the server has asked for it. */
  readonly octets: AsyncIterable<Uint8Array>;
  /**
   * The whole message goes out with the envelope, as one chunk, where the server has PIPELINING and
   * CHUNKING: one round trip, at the price that a message that everybody is refused is sent for nothing.
   * For a server that is ours, and a message whose `sizeBytes` is exact.
   */
  readonly isSentAtOnce?: boolean;
  /** For SIZE (RFC 1870 §3): as exact as is known. */
  readonly sizeBytes?: number;
  /** Absent means 7BIT. */
  readonly body?: "7BIT" | "8BITMIME" | "BINARYMIME";
  /** The message's headers are UTF-8; a UTF-8 address says so itself (RFC 6531 §3.2). */
  readonly smtpUtf8?: boolean;
}

/** The answer for one recipient, and where it fell. */
export interface RecipientReply {
  readonly address: string;
  /** Which command it answered; `local` when this client refused before the server was asked. */
  readonly phase: "local" | "mail" | "rcpt" | "data" | "end-of-data";
  readonly reply: Reply;
}

export interface SendOutcome {
  /** `cannot-send`: the server lacks what this message needs, and has taken nothing. */
  readonly kind: "answered" | "cannot-send";
  /** One for each recipient, in their order. A 2yz here is the server's promise for that recipient. */
  readonly recipients: readonly RecipientReply[];
  /** False when DSN was not offered: success and delay reports are then ours to make (RFC 3461 §5.2.2). */
  readonly isDsnPassedOn: boolean;
  /** Octets of the message that were handed to the server. */
  readonly sentBytes: number;
}
