/** What a filter may cost us, whatever it answers. */
export const limits = {
  /** Of a verdict over HTTP: rspamd names every symbol and address that it saw. */
  answerBytesMax: 1024 * 1024,
  /** Of one packet of a milter. The protocol has no bound; its own library sends 64 KiB at most. */
  packetBytesMax: 256 * 1024,
  /** Body octets in one packet: what every milter takes (65,535 in the protocol's own header file). */
  bodyChunkBytes: 65_535,
  /** Octets before the empty line that are given to a milter field by field. */
  headerBytesMax: 256 * 1024,
  /** Fields that one filter may add. */
  fieldsMax: 50,
  /** Of one added field. */
  fieldCharsMax: 4000,
  /** Of a reason, or of a reply that a filter wants said. */
  reasonCharsMax: 400,
} as const;
