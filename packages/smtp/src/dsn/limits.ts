const KiB = 1024;

/** What a notification may take from the message that it is about, and from what was said about it. */
export const dsnLimits = {
  /** A header longer than this is cut at a line's end: nobody needs more to know the message again. */
  headerBytesMax: 64 * KiB,
  /** Without RET the whole message comes back up to this size (RFC 3461 §6.2 leaves it to us). */
  wholeMessageBytesMax: 50 * KiB,
  /** RET=FULL is followed up to this size; a larger one would often not fit on its way back. */
  requestedMessageBytesMax: 10 * KiB * KiB,
  /** Of one remote answer: the longest policy texts are under 2 KiB. */
  diagnosticCharactersMax: 4096,
} as const;
