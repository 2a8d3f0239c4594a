const KiB = 1024;
const MiB = 1024 * KiB;
const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;

/** What one client may cost an SMTP or LMTP server. Every loop and buffer in it stops at one of these. */
export const serverLimits = {
  /** With its line end. RFC 4954 §4 asks for 12,288 where AUTH is; our XENVELOPE and XORIGINAL fit too. */
  commandBytesMax: 12 * KiB,
  /** Replies gathered for one write; pipelined commands are answered together. */
  replyBytesMax: 16 * KiB,
  /** Syntax errors, unknown commands and commands out of order in one session. */
  badCommandsMax: 30,
  /** Recipients turned away in one session: somebody reads a dictionary to us. */
  refusedRecipientsMax: 250,
  /** Failed logins in one session; apps/auth counts across sessions. */
  failedLoginsMax: 5,
  /** Of one transaction, unless the app says else. RFC 5321 §4.5.3.1.8 asks for 100 at least. */
  recipientsMax: 1000,
  /** Octets read and thrown away after a refusal, so that the client hears the reply; then 421. */
  swallowedBytesMax: 1024 * MiB,
  /** RFC 5321 §4.5.3.1.2 has 255 for a domain. */
  heloBytesMax: 255,
  /** RFC 3461 §4.4, on the wire. */
  envidBytesMax: 100,
  /** RFC 3461 §4.2, on the wire. */
  orcptBytesMax: 500,
  /**
   * Of silence, where the client has to speak or to listen. RFC 5321 §4.5.3.2.7 asks for five minutes
   * at least before a command; in the data a client may pause for three (§4.5.3.2.5).
   */
  idleMs: 5 * MINUTE_MS,
  /** The same where four of five places are taken: whoever only holds one makes room. */
  crowdedIdleMs: 30 * SECOND_MS,
  crowdedFrom: 0.8,
  /** A session in which no message came to its end and nobody logged in for so long: commands alone hold no place, */
  unproductiveMs: 30 * MINUTE_MS,
  /** and for less where most places are taken. What commands take us is not counted. */
  crowdedUnproductiveMs: 5 * MINUTE_MS,
  /** A message that has come for so long has to come at a rate: RFC 5321 §4.5.3.2.5 bounds each wait, not their sum. */
  slowMessageMs: 10 * MINUTE_MS,
  slowMessageBytesPerSecondMin: 100,
  /** The same where most places are taken. */
  crowdedSlowMessageMs: 1 * MINUTE_MS,
  /** A TLS handshake is two round trips; whoever stops inside it holds a slot. */
  handshakeMs: 10 * SECOND_MS,
  /** After our last reply, for the client to close its side. */
  lingerMs: 5 * SECOND_MS,
  /** When the server stops, between the last 421 and the end of its connection. */
  farewellMs: 200,
  /** All connections of one process. */
  connectionsMax: 2000,
  /** From one IPv4 address or one IPv6 /64. Offices share one address; Postfix allows 50. */
  connectionsPerClientMax: 200,
  /** Of one message in memory, while it is spooled; */
  spoolMemoryBytesMax: 128 * KiB,
  /** of what is more than that, of all messages of one process together; the rest goes to files. */
  spoolSharedBytesMax: 32 * MiB,
  /** What a piece of a message takes besides its octets: a client may send them one by one. */
  spoolPieceBytes: 512,
  /** Pieces of the beginning of a message before they are made one. */
  spoolPiecesMax: 64,
} as const;
