const KIB = 1024;
const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;

/** What one client may cost us. Every loop and buffer in this app stops at one of these. */
export const limits = {
  /** RFC 2449 §4: 255 octets with the CRLF. */
  commandBytesMax: 253,
  /** One answer to a SASL challenge: a password may be long, and RFC 2449 §4 speaks of commands only. */
  saslLineBytesMax: 8 * KIB,
  /** Commands in a row that were no commands: that is no POP3 client. */
  badCommandsMax: 10,
  /** Wrong passwords on one connection; apps/auth counts them by address too. */
  failedLoginsMax: 5,
  /** Accounts whose last login is remembered, where logins have to wait for one another. */
  accountsDelayedMax: 20_000,
  connectionsMax: 2000,
  /** From the greeting to a login, whatever is sent meanwhile. No inactivity timer, so not RFC 1939 §3's. */
  loginMsMax: 3 * MINUTE_MS,
  /** RFC 1939 §3: at least 10 minutes. */
  idleMsMax: 10 * MINUTE_MS,
  /** How long sessions have for their last words at shutdown; the rest of the 2 s is the store's. */
  closeMsMax: 1500,
  /** For the command that runs when a login ends, because of its account or password; then the connection is cut. */
  endedLoginMsMax: 10 * SECOND_MS,
  /** The longest stretch of commands that came together before other connections get a turn. */
  sliceMs: 10,
  /** Lines of LIST and UIDL that are made before other connections get a turn: about 2 ms. */
  sliceLines: 4000,
  /** Octets of an answer that are written before it waits for a slow client. */
  answerBytesAhead: 64 * KIB,
  /** Messages that a client will want next are read together, so many and so many octets, and kept for so long. */
  readAheadMessages: 32,
  readAheadBytesMax: 256 * KIB,
  readAheadMsMax: 500,
  /** Messages that were sent and are marked \Seen together: one durable change of the index for all. */
  seenBatchMessages: 200,
} as const;
