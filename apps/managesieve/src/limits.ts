const KIB = 1024;
const MIB = 1024 * KIB;
const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;

/** What one client may cost us. Every loop and buffer in this app stops at one of these. */
export const limits = {
  /** A line with everything in it but literals: two names of 512 octets, each octet escaped, have room. */
  lineBytesMax: 8 * KIB,
  /** One answer to a SASL challenge: a password or a token may be long. */
  saslBytesMax: 8 * KIB,
  /** RFC 5804 §1.6: 128 characters, 512 octets. */
  nameBytesMax: 512,
  /** The text that NOOP gives back. */
  tagBytesMax: 1 * KIB,
  /** Octets of the literals of one refused command that are read and thrown away; beyond, the client goes. */
  skippedBytesMax: 8 * MIB,
  /** Commands in a row that were no commands: that is no ManageSieve client. */
  badCommandsMax: 10,
  /** Wrong passwords on one connection; apps/auth counts them by address too. */
  failedLoginsMax: 5,
  /** Each may hold one script on its way in. */
  connectionsMax: 500,
  /** Sessions of one account: a mail program opens one for each of its windows. */
  connectionsPerAccountMax: 10,
  /** From the greeting to a login, whatever is sent meanwhile: RFC 5804 §1.2 leaves it to us. */
  loginMsMax: 3 * MINUTE_MS,
  /** RFC 5804 §1.2: at least 30 minutes. */
  idleMsMax: 30 * MINUTE_MS,
  /** How long sessions have for their last words at shutdown. */
  closeMsMax: 1500,
  /** For the command that runs when a login ends, because of its account or password; then the connection is cut. */
  endedLoginMsMax: 10 * SECOND_MS,
  /** The longest stretch of commands that came together before other connections get a turn. */
  sliceMs: 10,
} as const;
