const SECOND_MS = 1000;

/** What checking one message may cost, whoever wrote it and whoever runs its name servers. */
export const limits = {
  /**
   * All questions to the DNS for one message. Then those open count as unanswered, which is a temperror
   * each. RFC 7208 §4.6.4 would have 20 s for SPF alone; a sender should not wait so long at its last dot.
   */
  dnsMs: 10 * SECOND_MS,
  /** Questions for one message: SPF has 10 terms of up to 10 names, DMARC some walks of 8, DKIM its keys. */
  questionsMax: 250,
  /** Signatures that are looked at, from the top (RFC 6376 §6.1 leaves it to us). The others count as not there. */
  signaturesMax: 20,
  /** Octets up to the empty line. A message with more is not checked, and its DMARC is a permerror. */
  headerBytesMax: 256 * 1024,
  /** RFC 8301 §3.2. */
  rsaKeyBitsMin: 1024,
  /** One message in its thread, after its last octet. A thread that takes longer hangs, and is replaced. */
  checkMs: 60 * SECOND_MS,
  /** Messages in one thread at the same time; most of them wait for the DNS. */
  checksMax: 100,
  /** A thread has 26 MiB more with mailauth in it. */
  threadsMax: 4,
  /** A thread that had nothing to check for so long ends; the next one takes 200 ms of processor to begin. */
  threadIdleMs: 600 * SECOND_MS,
  /** Octets on their way into a thread, for one message. */
  chunksAheadMax: 4,
  /** Names of one address that are followed back (RFC 8601 §3 asks for a bound). */
  namesOfAddressMax: 10,
  /** Of a domain or selector as it is shown. */
  shownCharsMax: 255,
} as const;
