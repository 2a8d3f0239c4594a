const SECOND_MS = 1000;

/** What one URL may cost either side. */
export const limits = {
  /** A request in JSON: a command line of SMTP holds 12 KiB of URL, and JSON may double it. */
  lineBytesMax: 32 * 1024,
  /** Silence of the other side: the store opens a message in milliseconds. */
  idleMs: 20 * SECOND_MS,
  /** Requests that are answered at the same time: smtp-in has one a session at the most. */
  requestsMax: 200,
} as const;
