const SECOND_MS = 1000;

/** What a name server, and who writes into the zones it asks, may cost us. */
export const limits = {
  /** UDP payload that we offer: fits any path without fragments (RFC 9715 §3.1 names 1400 at most). */
  udpPayloadBytes: 1232,
  /** Times that the whole list of servers is gone through. */
  roundsMax: 2,
  /** One try at one server. */
  timeoutMs: 3 * SECOND_MS,
  /** Packets that are not our answer before a try is given up: each is someone guessing, or a broken server. */
  strayPacketsMax: 64,
  /** Names of one CNAME chain; resolvers stop between 8 and 17. */
  chainNamesMax: 9,
  /** Questions under way at once, each with a socket; more wait. */
  questionsMax: 256,
  cacheEntriesMax: 5000,
  /** A larger message is answered and not kept, so that the cache is bounded in octets too. */
  cachedMessageBytesMax: 8192,
  /** No answer is believed for longer than a day, whatever its TTL. */
  positiveTtlSecondsMax: 86_400,
  /** RFC 2308 §5: one to three hours. */
  negativeTtlSecondsMax: 10_800,
  /** A dynamic update: the server writes it down before it answers. */
  updateMsMax: 10 * SECOND_MS,
  /** RFC 9520 §3.2: a failure is remembered for at least one second and at most five minutes. */
  failureTtlSeconds: 5,
} as const;
