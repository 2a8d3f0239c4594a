const SECOND_MS = 1000;
const DAY_MS = 24 * 3600 * SECOND_MS;

/** What signing may cost, and how long a key is needed. */
export const limits = {
  /** A message whose header is longer goes unsigned: no program of a person writes such a one. */
  headerBytesMax: 256 * 1024,
  /** Fields of one name that are signed; more of them stay unsigned and can be changed on the way. */
  fieldsOfOneNameMax: 20,
  /**
   * Mail that was signed with a key is 5 days in queues, and read and checked again for some days after
   * that. Its DNS record has to stay as long (RFC 6376 §3.1).
   */
  recordNeededMs: 14 * DAY_MS,
  /** Whether keys were changed by another process is looked up so often at most. */
  reloadEveryMs: 2 * SECOND_MS,
} as const;
