const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;

export const limits = {
  /**
   * How long the parent looks at how busy it is before another worker may be started. Clients that all come back
   * after a restart are in sooner, and a worker that they get would stay with them for as long as they idle.
   */
  lookMs: 2 * SECOND_MS,
  /** A share of the time: above it another process would have something to do. */
  busyShare: 0.5,
  /** Connections that the process of an address may have more than the one with the fewest, as a share of these. */
  moreShare: 0.1,
  /** ... and so many besides, as long as nobody is busy: a client with five of them. */
  moreAtRest: 5,
  /** A worker without a connection for so long is ended. */
  unusedMs: 10 * MINUTE_MS,
  /** A worker that has not taken what it was handed by then gets no more. */
  handMs: SECOND_MS,
  /** What a worker says of itself is waited for so long; then it is told of as one that does not answer. */
  reportMs: 2 * SECOND_MS,
  /** A worker that was asked to end and has not by then is killed: the app itself has 2 s. */
  closeMs: 1.8 * SECOND_MS,
} as const;
