const KiB = 1024;

/** What one remote server may cost this client. Every buffer and loop in it stops at one of these. */
export const clientLimits = {
  /** RFC 5321 §4.5.3.1.5 allows 512 octets; some servers put whole URLs and DKIM reports there. */
  replyLineBytesMax: 4 * KiB,
  /** An EHLO reply has about 20 lines, the longest policy texts in the wild about 30. */
  replyLinesMax: 128,
  /** Received and not yet read. Above this the socket is not read, and TCP slows the server down. */
  receivedBytesMax: 64 * KiB,
  /** One BDAT chunk (RFC 3030 §2), and so the message octets that one transaction holds in memory. */
  chunkBytesMax: 256 * KiB,
  /** BDAT chunks sent ahead of their replies when the server offers PIPELINING (RFC 3030 §4.2). */
  chunksAheadMax: 4,
  /** Commands of one write. A longer RCPT list goes out in several groups (RFC 2920 §3.1). */
  commandsPerGroupMax: 200,
  /** One command line with all parameters; our own servers read up to 12,288 octets. */
  commandBytesMax: 12_288,
  /** Lines of a session that are kept for people: greeting, EHLO, a short transaction and its end. */
  dialogueLinesMax: 16,
  /** Of each; the longest texts of providers, with their URLs, have about 500. */
  dialogueLineCharsMax: 512,
} as const;
