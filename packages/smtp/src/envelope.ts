/**
 * What SMTP knows of a message that the message itself does not say (RFC 5321 §2.3.1), from the
 * moment it is accepted until it lies in a mailbox or has left.
 *
 * It is written as JSON into the spool and, as one parameter, into the LMTP hop to lmtp-delivery.
 * A field may be added with a default; a field may never change its meaning: that is a new version.
 */
export const ENVELOPE_VERSION = 1;

export interface Envelope {
  readonly version: typeof ENVELOPE_VERSION;
  /** Ours, given at acceptance: in every log line, in Received and in every reply to end of data. */
  readonly messageId: string;
  readonly receivedAtMs: number;
  readonly client: EnvelopeClient;
  /** The address of the account that logged in to submit this; absent for mail from outside. */
  readonly authenticatedAs?: string;
  /**
   * Made by a part of Posthouse itself: a notification, a report, an answer of somebody who is away. It is
   * signed as ours. Never set for mail that came from elsewhere and is only sent on.
   */
  readonly isOurs?: boolean;
  /** MAIL FROM without angle brackets; "" is the null reverse-path (RFC 5321 §4.5.5). */
  readonly reversePath: string;
  readonly recipients: readonly EnvelopeRecipient[];
  /** BODY of RFC 6152 and RFC 3030. */
  readonly body: "7BIT" | "8BITMIME" | "BINARYMIME";
  /** RFC 6531: an address or a header of this message is UTF-8. */
  readonly smtpUtf8: boolean;
  /** RET of RFC 3461 §4.3. */
  readonly ret?: "FULL" | "HDRS";
  /** ENVID of RFC 3461 §4.4, decoded from xtext. */
  readonly envid?: string;
  /** RFC 8689. */
  readonly requireTls: boolean;
  /** It goes whatever becomes of TLS: a report about failures of TLS must arrive (RFC 8460 §3). */
  readonly isTlsOptional?: boolean;
  /** MT-PRIORITY of RFC 6710, -9 to 9; 0 when not given. */
  readonly priority: number;
  /** BY of RFC 2852: the moment by which it has to be delivered, and what happens then. */
  readonly deliverBy?: { readonly atMs: number; readonly mode: "R" | "N"; readonly trace: boolean };
  /** HOLDFOR and HOLDUNTIL of RFC 4865. */
  readonly holdUntilMs?: number;
  /** Results of SPF, DKIM, DMARC and filters, in the words of RFC 8601 §2.7: `spf` → `pass`. */
  readonly verdicts: Readonly<Record<string, string>>;
}

export interface EnvelopeClient {
  /** IPv4 or IPv6 text; "" when the message was made here. */
  readonly address: string;
  /** As it said in EHLO, HELO or LHLO. */
  readonly helo: string;
  /** As the Received header says it (RFC 3848): SMTP, ESMTP, ESMTPS, ESMTPA, ESMTPSA, LMTP, UTF8SMTPSA … */
  readonly protocol: string;
  readonly tls?: { readonly version: string; readonly cipher: string };
}

export interface EnvelopeRecipient {
  /** Where it goes: an account's address, or a remote address. Aliases are already resolved. */
  readonly address: string;
  /** What RCPT TO said: becomes X-Original-To. */
  readonly originalAddress: string;
  /** True when `address` is an account here: it goes to lmtp-delivery, and never to an MX. */
  readonly isLocal: boolean;
  /** NOTIFY of RFC 3461 §4.1; absent means FAILURE, at the server's choice also DELAY. */
  readonly notify?: readonly ("NEVER" | "SUCCESS" | "FAILURE" | "DELAY")[];
  /** ORCPT of RFC 3461 §4.2: `rfc822;ann@example.org`, its address decoded from xtext. */
  readonly orcpt?: string;
}
