const KiB = 1024;

/** What one script may cost. Every loop and buffer in this package stops at one of these. */
export const limits = {
  /** Octets of one script: long lists of addresses of a large company fit. */
  scriptBytesMax: 1024 * KiB,
  /** Octets of a script that is checked at once: 10 ms at most; a larger one is in a thread of its own. */
  checkedAtOnceBytesMax: 16 * KiB,
  /** A check that takes longer hangs. */
  checkMs: 30_000,
  /** The thread ends when nobody has asked for so long. */
  checkingIdleMs: 10_000,
  /** Blocks in blocks and tests in tests: RFC 5228 §2.10.5 asks for 15 of each at least. */
  depthMax: 32,
  /** Arguments, strings of a list and commands of a script, together. */
  nodesMax: 100_000,
  /** Problems of one script that are told at once. */
  problemsMax: 20,
  /** Largest number: RFC 5228 §2.4.1 asks for 2^31 - 1 at least. */
  numberMax: Number.MAX_SAFE_INTEGER,
  /**
   * Steps of one run: a command or a test is one, a comparison one for 256 characters, the matcher
   * of expressions one for 256 states. About half a second at most.
   */
  stepsMax: 1_000_000,
  /** Actions of one run: RFC 5228 §2.10.6 leaves it to us. */
  actionsMax: 64,
  /** Copies that one message may be sent on as: each may be answered by a host that sends it back. */
  redirectsMax: 8,
  /** Notifications of one message. */
  notificationsMax: 4,
  /** Recipients of one notification: RFC 5436 §2.7 warns of being used as an amplifier. */
  notifyRecipientsMax: 8,
  /** RFC 5229 §6: 128 variables at least, names of 32 characters and values of 4,000 at least. */
  variablesMax: 256,
  variableNameCharactersMax: 64,
  variableCharactersMax: 16 * KiB,
  /** What a string may become when its variables are filled in. */
  textCharactersMax: 1024 * KiB,
  /** ${0} to ${9}: RFC 5229 §3.2. */
  matchVariablesMax: 10,
  /** Characters of a reject reason or vacation text that are sent. */
  reasonCharactersMax: 64 * KiB,
  /** Characters of one header field, body text or the like that are compared. */
  valueCharactersMax: 1024 * KiB,
  /** Octets of all body text that one run reads: what stands behind them is not found. */
  bodyBytesMax: 4 * 1024 * KiB,
  /** Fields that addheader adds in one run. */
  addedFieldsMax: 64,
  /** Characters of the value of one added field. */
  fieldCharactersMax: 8 * KiB,
  /** States of one compiled expression, counted repetitions written out. */
  regexStatesMax: 2_000,
  /** Scripts inside scripts: RFC 6609 §3.2 asks for an error beyond a limit. */
  includeDepthMax: 10,
  /** Scripts that one run may include. */
  includesMax: 100,
  /** Flags of one message. */
  flagsMax: 64,
  flagCharactersMax: 128,
  /** RFC 7352 §3.3: at most as long as this is a message remembered; and unless it is said. */
  duplicateSecondsMax: 90 * 24 * 3600,
  duplicateSecondsDefault: 7 * 24 * 3600,
  /** RFC 5230 §4.1 lets us choose; RFC 6131 §2 allows 0, and seconds. */
  vacationDaysDefault: 7,
  vacationDaysMax: 90,
  /** Programs kept compiled. */
  cachedProgramsMax: 500,
  /** Octets of their scripts together. */
  cachedBytesMax: 8 * 1024 * KiB,
} as const;
