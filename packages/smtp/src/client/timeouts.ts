const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;

/** How long each phase may take. All are for the whole phase, so that a drip of octets gains nothing. */
export interface SmtpTimeouts {
  /** Until TCP is connected. */
  readonly connectMs: number;
  /** Until the whole greeting is here: RFC 5321 §4.5.3.2.1. */
  readonly greetingMs: number;
  /** EHLO, HELO, LHLO, STARTTLS, AUTH, RSET: for these the RFC names no time of its own. */
  readonly commandMs: number;
  /** The TLS handshake. */
  readonly handshakeMs: number;
  /** RFC 5321 §4.5.3.2.2. */
  readonly mailMs: number;
  /** RFC 5321 §4.5.3.2.3, for each recipient. */
  readonly rcptMs: number;
  /** Until 354: RFC 5321 §4.5.3.2.4. */
  readonly dataMs: number;
  /** For each block of message octets that the server has to take: RFC 5321 §4.5.3.2.5. */
  readonly blockMs: number;
  /** From the final dot or BDAT LAST to the reply: RFC 5321 §4.5.3.2.6. */
  readonly endOfDataMs: number;
  /** The farewell is a courtesy, and nobody waits long for it. */
  readonly quitMs: number;
}

/** The minima of RFC 5321 §4.5.3.2. */
export const defaultTimeouts: SmtpTimeouts = {
  connectMs: 30 * SECOND_MS,
  greetingMs: 5 * MINUTE_MS,
  commandMs: 5 * MINUTE_MS,
  handshakeMs: MINUTE_MS,
  mailMs: 5 * MINUTE_MS,
  rcptMs: 5 * MINUTE_MS,
  dataMs: 2 * MINUTE_MS,
  blockMs: 3 * MINUTE_MS,
  endOfDataMs: 10 * MINUTE_MS,
  quitMs: 5 * SECOND_MS,
};
