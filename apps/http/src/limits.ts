const KIB = 1024;
const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;

/** What one client, or a failing ACME server, may cost us. Everything that waits or grows here stops at one of these. */
export const limits = {
  /** Request line and header fields together. */
  headerBytesMax: 8 * KIB,
  /** A request of Autodiscover: an address and two names in XML. */
  autodiscoverBytesMax: 16 * KIB,
  connectionsMax: 1000,
  /** From the first octet of a request to the end of its header. */
  headerMsMax: 10 * SECOND_MS,
  /** From the first octet of a request to its last. */
  requestMsMax: 15 * SECOND_MS,
  handshakeMsMax: 10 * SECOND_MS,
  /** Of silence between requests. */
  keepAliveMs: 5 * SECOND_MS,
  requestsPerConnectionMax: 100,
  /** How long answers have for their last octets at shutdown. */
  closeMsMax: 1500,
  /** A whole order, from the directory to the certificate. */
  orderMsMax: 3 * MINUTE_MS,
  /** One request to the ACME server. */
  acmeRequestMsMax: 20 * SECOND_MS,
  /** After the first failure; twice as long after each further one. RFC 8555 §6.6 has servers count. */
  retryMsMin: 5 * MINUTE_MS,
  retryMsMax: 12 * HOUR_MS,
  /** How often the certificate is looked at, though nothing is due: clocks are set, and machines sleep. */
  lookMs: 1 * HOUR_MS,
} as const;
