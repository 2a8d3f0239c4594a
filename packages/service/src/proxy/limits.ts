const SECOND_MS = 1000;

/** What a proxy before a listener may cost. */
export const limits = {
  /** For the whole header. The protocol asks for 3 s at least, so that a segment may be lost once. */
  headerMs: 5 * SECOND_MS,
  /** Of a version 2 header with all that a proxy adds to it; addresses alone are 232 at most. */
  headerBytesMax: 4096,
  /** Connections of one listener whose header has not come: more are closed. */
  pendingMax: 1000,
} as const;
