/** What a host that is asked may cost. */
export const CLIENT_TEST_LIMITS = {
  /** Mail programs wait about as long. */
  answerMsMax: 10_000,
  answerBytesMax: 256 * 1024,
  redirectsMax: 3,
  lineBytesMax: 8 * 1024,
} as const;
